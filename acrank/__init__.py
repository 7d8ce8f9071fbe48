"""Rank pretrained backbones by how well they would fine-tune on your data."""

__version__ = "0.1.0"
