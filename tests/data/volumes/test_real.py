"""Real volumes, where the folder of shared material is at hand."""

from pathlib import Path

import numpy as np

from acrank.data.volumes import VolumeSettings, draw_volumes, is_volumes, open_volumes


def test_the_hippocampus(shared: Path) -> None:
    folder = str(shared / "data" / "nifti_hippocampus")
    assert is_volumes(folder)
    target = open_volumes(folder)
    assert len(target.items) == 40
    assert target.classes == ("0", "1", "2")
    assert target.warnings == ()
    sample = draw_volumes(target, 8, 2, 0, VolumeSettings())
    assert sample.patch == (32, 48, 32)
    assert all({1, 2} <= set(np.unique(mask)) for mask in sample.masks)
    # its front part lies before the back part
    front, back = (np.argwhere(sample.masks == label)[:, 2].mean() for label in (1, 2))
    assert front > back + 5
