"""Open the images of a fine-tuning, split by their use, and load its backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acrank.data import blamed, find_source
from acrank.data.decode import told_enlarged
from acrank.data.groups import refuse_shared, require_groups
from acrank.data.sources.base import HeldOut
from acrank.errors import ConfigError
from acrank.fields import told_unused
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.notices import Part, Wording, copied, missing, sided
from acrank.finetuning.objective import Data, Judged
from acrank.finetuning.split import split
from acrank.finetuning.tuning import SplitImages, Tuning, tuning_of
from acrank.tasks.registry import TASKS, task_named
from acrank.utils.paths import user_path
from acrank.zoo import Backbone, Hub, load_backbone, read_zoo, select_entries


def open_images(config: FinetuneConfig) -> SplitImages[Any]:
    """Read the images of a fine-tuning, by their task.

    Raises:
        ConfigError: validation or test images are the training images.
        DataError: they cannot be used, or validation or test images have other classes.
    """
    _refuse_same(config)
    source = find_source(config.data, config.task)
    source.refuse_groups(config.data, config.group_column)
    with blamed(source):
        own = source.held_out(config.data)
    return _opened(tuning_of(TASKS[source.task]), config, own)


def _opened(
    tuning: Tuning[Data, Judged], config: FinetuneConfig, own: HeldOut
) -> SplitImages[Data]:
    training, said = tuning.read(config, config.data, None, "--data")
    notes, read = list(training.warnings), [said]
    notes += told_unused(config, tuning.task)
    notes += told_enlarged(config.image_size) if tuning.task.whole_images else ()
    others: dict[str, Data] = {}
    for option, given, part in (
        ("--val", config.val, own.validation),
        ("--test", config.test, own.test),
    ):
        data = given or (part if own.of_one_file else None)
        if data is not None:
            notes += [] if given else [f"{option} is the file's own part, {data}"]
            known, untold = _grouping(config, data, option)
            notes += untold
            others[option], said = tuning.read(known, data, training, option)
            notes += (f"{option}: {note}" for note in others[option].warnings)
            read.append(f"{option}: {said}")
    groups = tuning.groups(training)
    if config.group_column is not None:
        notes.append(require_groups(config.data, config.group_column, groups, training.keys))
        parts_of = {"--data": groups, **{o: tuning.groups(data) for o, data in others.items()}}
        refuse_shared(config.group_column, parts_of)
    validation = others.get("--val")
    if validation is None:
        labels = tuning.classes_apart(training)
        training, validation = split(training, labels, config.val_share, config.seed, groups)
    named = {"training": training, "validation": validation, "test": others.get("--test")}
    parts = [Part(n, d.digests, tuning.held(d)) for n, d in named.items() if d is not None]
    defined = tuning.is_defined(config.monitor, parts[1].held, training)
    notes += tuning.absent(training)
    notes += _compared(config, parts, training.classes, tuning.wording)
    if not defined:
        notes.append(f"so there is no {config.monitor}, and the loss chooses the best epoch")
    return SplitImages(
        tuning=tuning,
        training=training,
        validation=validation,
        test=others.get("--test"),
        notes=tuple(notes),
        monitor=config.monitor if defined else "loss",
        read=tuple(read),
        settings=tuning.settings(training),
    )


def _grouping(config: FinetuneConfig, data: str, option: str) -> tuple[FinetuneConfig, list[str]]:
    """Return the configuration to read other images by, and say if they can have no groups."""
    if config.group_column is None or find_source(data, config.task).grouped:
        return config, []
    told = f"{option} is no table: whether it has groups of --data by {config.group_column} is not"
    return config.model_copy(update={"group_column": None}), [f"{told} known"]


def _refuse_same(config: FinetuneConfig) -> None:
    """Refuse to judge a network on the very data that it is trained on.

    Raises:
        ConfigError: ``val`` or ``test`` is ``data``.
    """

    def place(spec: str) -> str | Path:
        path = user_path(spec)
        return path.resolve() if path.exists() else spec

    for option, spec in (("--val", config.val), ("--test", config.test)):
        if spec is not None and place(spec) == place(config.data):
            instead = "leave it out to keep a part of --data back, or " if option == "--val" else ""
            raise ConfigError(
                f"{option} is the same data as --data, whose images are trained on.",
                hint=f"{instead}give other images.".capitalize(),
            )


def _compared(
    config: FinetuneConfig, parts: list[Part], classes: tuple[str, ...], wording: Wording
) -> list[str]:
    """Write the notices that compare training, validation and test images.

    Args:
        config: configuration of the fine-tuning.
        parts: training images first, then validation images.
        classes: names of the classes.
        wording: words for the images.
    """
    training, *others = parts
    notes = [*copied(training, others, wording.things), *missing(others, classes, wording)]
    if config.flip and config.augment != "none":
        notes += sided(classes)
    return notes


def find_backbone(config: FinetuneConfig) -> Backbone:
    """Load the backbone of a fine-tuning, for images of the size that is set.

    An encoder under a decoder is loaded as it is: the task brings its images to their size.

    Args:
        config: configuration of the fine-tuning, for its task.

    Raises:
        ZooError: there is none of that name, or more than one.
        ModelError: it cannot be loaded, or does not take images of the size that is set.
    """
    zoo = None if config.zoo is None else read_zoo(config.zoo)
    entries = select_entries(zoo, [config.model])
    if len(entries) > 1:
        raise ConfigError(
            f"{config.model!r} names {len(entries)} models.", hint="Name a single one."
        )
    how = {"trust_code": config.trust_code, "allow_partial": config.allow_partial}
    whole = task_named(config.task).whole_images
    entry = entries[0].at_size(config.image_size if whole else None)
    return load_backbone(entry, hub=Hub(offline=config.offline), seed=config.seed, **how)


def told_of(backbone: Backbone, *, whole_images: bool) -> list[str]:
    """Write the notices on a backbone: its images' size, its flags, tensors frozen before.

    Args:
        backbone: the backbone.
        whole_images: True if a head is put on its features, False if a decoder on its maps.
    """
    flags = backbone.flags if whole_images else backbone.flags_of_maps
    notes = [backbone.size_note] if backbone.size_note else []
    notes += [f"{flag}: {particulars}" for flag, particulars in flags.items()]
    frozen = [n for n, p in backbone.model.named_parameters() if not p.requires_grad]
    if frozen:
        notes.append(
            f"{len(frozen)} tensor(s) of the backbone were frozen already and stay frozen: "
            f"{frozen[0]}, ..."
        )
    return notes
