"""Renderers draw a document on a terminal, as Markdown or as a page."""
