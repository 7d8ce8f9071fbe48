"""Builders: one module for each kind of result, which makes its document and its records."""
