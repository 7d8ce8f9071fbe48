"""Make hashes that tell one set of data from another."""

import hashlib
import json


def make_fingerprint(*content: object) -> str:
    """A SHA-256 hash, in hexadecimal digits, of values that JSON can hold.

    Results are kept under it, so that what a sample's is made of must not change. A part of a
    sample has that of the whole's fingerprint and of its own keys: how deep grey values are taken
    to be was told from the whole.
    """
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
