"""Checkpoints: read them safely, and fill networks from them."""
