"""``python -m acrank``."""

from acrank.cli import main

if __name__ == "__main__":  # worker processes import it under another name
    main()
