"""``python -m acrank``."""

from acrank.cli import main

main()
