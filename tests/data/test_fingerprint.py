import hashlib

from acrank.data.fingerprint import make_fingerprint


def test_results_that_are_kept_stay_valid() -> None:
    expected = hashlib.sha256(b'["whole", ["a", "b\\u00e9"]]').hexdigest()
    assert make_fingerprint("whole", ("a", "bé")) == expected
    assert make_fingerprint("whole", ["bé", "a"]) != expected
