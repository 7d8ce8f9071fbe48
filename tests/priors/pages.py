"""A small book of published numbers."""

from typing import Any

from acrank.priors.published import Book, parsed

SOURCE = {"repo": "some/study", "path": "table.csv", "commit": "0123abc", "licence": "MIT"}


def raw() -> dict[str, Any]:
    """The contents of its file."""
    small = {"a.x_in1k": 90.0, "b.x_in1k": 80.0, "c.x_in1k": 70.0}
    return {
        "version": 1,
        "sources": {"one": SOURCE, "two": SOURCE, "probes": SOURCE, "timm": SOURCE},
        "tables": {
            "one": {"protocol": "fine-tuning", "values": {"pets": small, "cars": small}},
            "two": {
                "protocol": "fine-tuning",
                "values": {
                    "pets": {**small, "a.x_in1k": 60.0},
                    "lungs": {**small, "d.x_in1k": 75.0},
                    "equal": dict.fromkeys(small, 50.0),
                    "few": {"a.x_in1k": 1.0, "b.x_in1k": 2.0},
                },
            },
            "probes": {"protocol": "frozen", "values": {"pets": small, "cars": small}},
        },
        "domains": {
            "pets": "natural",
            "cars": "natural",
            "lungs": "radiology",
            "equal": "natural",
            "few": "natural",
        },
        "facts": [
            ["a.x_in1k", 30.0, 80.0, 40.0, {}],
            ["b.x_in1k", None, None, None, {"family": "b"}],
        ],
        "fit": {
            "families": ["a", "b"],
            "groups": {
                group: {
                    "mean": [0.5, 0.25, 0.0, 0.0, 1.0, -1.0],
                    "covariance": [
                        0.1 * (row == column) for row in range(6) for column in range(row + 1)
                    ],
                    "offsets": {"b.x_in1k": [0.75, 0.5]},
                    "apart": 0.3,
                }
                for group in ("", "natural", "synthetic", "medical")
            },
        },
    }


def small_book() -> Book:
    """The book of these numbers."""
    return parsed(raw())
