"""Folders of images: walked through, and understood by the names of their folders."""
