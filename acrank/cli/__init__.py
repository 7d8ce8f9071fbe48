"""The command line: one file a command; they parse and call, and hold no logic."""

from acrank.cli.app import main

__all__ = ["main"]
