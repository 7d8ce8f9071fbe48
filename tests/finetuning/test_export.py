"""What is written beside trained weights, for timm."""

import json

import timm

from acrank.finetuning.export import timm_config
from acrank.zoo import ZooEntry


def test_the_classes_are_the_targets_whatever_the_entry_asked_for() -> None:
    kwargs = {"num_classes": 0, "drop_rate": 0.1}
    entry = ZooEntry(name="x", source="local-dir:net", kwargs=kwargs)
    model = timm.create_model("test_resnet", num_classes=2, drop_rate=0.1)
    data = {"input_size": (3, 160, 160), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    config = json.loads(timm_config(model, entry, data, ["cat", "dog"]))
    assert config["num_classes"] == 2
    assert config["label_names"] == ["cat", "dog"]
    assert config["model_args"]["drop_rate"] == 0.1
