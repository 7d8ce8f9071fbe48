"""Builders make the document and the records of a result, one module for each kind."""
