"""The tasks of this package, one module each."""
