"""A ranking as one self-contained page: no script, no network, nothing beside the file."""

from acrank.report.html.page import require_html, to_html

__all__ = ["require_html", "to_html"]
