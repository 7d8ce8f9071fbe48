"""A metric and a callback for acrank."""
