"""Data sources: everything that ``--data`` can name, one class each."""
