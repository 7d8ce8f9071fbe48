"""Images that several tests of fine-tuning share."""

from pathlib import Path

import pytest

from acrank.data import open_target


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of each class of the demo, in class folders."""
    folder = tmp_path_factory.mktemp("digits")
    target = open_target("demo")
    for label, name in enumerate(target.classes):
        (folder / name).mkdir()
        for item in [item for item in target.items if item.label == label][:4]:
            file = folder / name / f"{item.key.replace(':', '-')}.png"
            file.write_bytes(item.read())
    return folder
