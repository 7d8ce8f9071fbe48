"""Put an explanation of AC-Corr into words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from acrank.metrics.registry import AC_CORR
from acrank.norm.types import NORM_NAMES, is_generalised
from acrank.ranking.statistics import interval
from acrank.report.builders.ranking_words import listed, number_text
from acrank.report.builders.run import items_name
from acrank.scoring.inspection import Explanation, LayerExplanation

# Names in a sentence before it says how many more.
NAMED = 4
# Up to this share of AC-Corr, the step on the target changes little in it.
LITTLE = 0.1
HARDLY = (
    ": the number reflects the checkpoint and hardly these data; a larger --lr gives the data more "
    "weight"
)
# Why a layer says nothing, by its status.
SILENT = {
    "tied": "the ratios hardly differ (never or barely trained, or scales of zero): each channel "
    "is as near to all others as to itself",
    "swamped": "the step moved the ratios farther than the distances between them, so each "
    "channel keeps most of the others (a smaller --lr may help)",
}
GENERALISATION = (
    "AC-Corr is defined for BatchNorm; for other layers it is a generalisation, which is not "
    "comparable with it."
)
LAYER_LEGEND = (
    "ac_corr: kept mass, summed over the channels; share: its part of the network's total. "
    "zero-drift: the same before any step; excess: what the step added.",
    "crossed: channels that come as near to another one as to themselves, mean over the trials: "
    "only they add. spread: standard deviation of the pretrained ratios; drift: root mean square "
    "of their change.",
)


def summary(explained: Explanation) -> list[str]:
    """Summarise the sample, the score and the layers.

    Args:
        explained: the network.

    Returns:
        Sentences, a line each.
    """
    return [_sample(explained), *_score(explained), *_layers(explained), *_where(explained)]


def channel_legend(explained: Explanation) -> str:
    """Explain the columns of a table of channels.

    Args:
        explained: the network.
    """
    config = explained.record["config"]
    single = config["steps"] == 1
    over = f"{_stepped(explained)[0]} steps" if single else f"{config['repeats']} trainings"
    text = (
        f"moved: root mean square of the change of the ratio over {over}; change: its mean with "
        "sign; ± : standard deviation. after: means."
    )
    if config["head"] == "random":
        text += " Each trial has a head of its own, drawn at random, so that signs mostly cancel."
    return text


def share_text(value: float, places: int = 1) -> str:
    """Write a share in per cent; empty for NaN."""
    return "" if value != value else f"{value:.{places}%}"


def signed(value: float) -> str:
    """Write three significant digits with the sign; empty for NaN."""
    return "" if value != value else f"{value:+.3g}"


def score_interval(explained: Explanation) -> tuple[float, float] | None:
    """Compute Student's 95 % interval of AC-Corr; None where there is none."""
    estimate = explained.result.scores.get(AC_CORR[0])
    return interval(estimate) if estimate else None


def _stepped(explained: Explanation) -> tuple[int, int]:
    """Return the number of single steps, and that of the images of each."""
    dataset = explained.record["dataset"]
    # results from before steps were counted stepped on every batch
    everything = (dataset["batches"], dataset["sampled"] // dataset["batches"])
    count, images = dataset.get("stepped", everything)
    return int(count), int(images)


def _sample(explained: Explanation) -> str:
    dataset, config = explained.record["dataset"], explained.record["config"]
    if config["steps"] == 1:
        count, images = _stepped(explained)
        taken = f"one step on {images} {items_name(dataset)}"
        taken += f" in each of {count} trials" if count > 1 else ""
    else:
        steps = "an epoch" if config["steps"] == "epoch" else f"{config['steps']} steps"
        taken = f"{config['repeats']} trainings of {steps}"
    return (
        f"{explained.result.model} on {dataset['name']}: {dataset['sampled']} of "
        f"{dataset['images']} {items_name(dataset)}, {len(dataset['classes'])} classes; {taken} "
        f"(lr {config['lr']:g}, {config['head']} head)."
    )


def _score(explained: Explanation) -> Iterator[str]:
    if explained.silence:
        yield f"No AC-Corr: {explained.silence}"
        return
    whole, channel, zero = (explained.result.value(name) for name in AC_CORR)
    ends = score_interval(explained)
    between = f" (95 %: {number_text(ends[0])} … {number_text(ends[1])})" if ends else ""
    yield f"AC-Corr {number_text(whole)}{between}, {number_text(channel)} per channel."
    part = abs(whole - zero) / whole
    did = f"adds {whole - zero:.3g}" if whole >= zero else f"takes {zero - whole:.3g} off"
    yield (
        f"Before any step it is {number_text(zero)} (zero-drift); the step {did} "
        f"({share_text(part)}){HARDLY if part < LITTLE else ''}."
    )


def _layers(explained: Explanation) -> Iterator[str]:
    layers = explained.layers
    telling = sum(layer.status == "ok" for layer in layers)
    dead = sum(layer.correlation.dead for layer in layers)
    kind = explained.result.norm_kind or "batch"
    text = f"{telling} of {len(layers)} {NORM_NAMES[kind]} layers count; "
    text += f"{sum(layer.correlation.channels for layer in layers)} channels"
    if dead:
        kept = explained.record["config"]["dead_channels"] == "keep"
        text += f", {dead} of them dead and {'kept' if kept else 'left out'}"
    yield f"{text}."
    if is_generalised(kind):
        yield GENERALISATION
    for status, why in SILENT.items():
        names = [layer.name for layer in layers if layer.status == status]
        if names:
            yield f"{status}, which carry no information: {listed(names, NAMED)}. There {why}."


def _where(explained: Explanation) -> Iterator[str]:
    """Name the layers in which AC-Corr and the ratios change most."""
    telling = [layer for layer in explained.layers if layer.status == "ok"]
    if len(telling) < 2:
        return
    adding = _first(telling, lambda layer: layer.excess)
    if adding[0].excess > 0:
        named = [f"{each.name} ({signed(each.excess)})" for each in adding if each.excess > 0]
        yield f"The step adds most in {', '.join(named)}."
    named = [f"{each.name} ({number_text(each.drift)})" for each in _first(telling, _drift)]
    yield f"Ratios drift farthest in {', '.join(named)}."


def _first(
    layers: Sequence[LayerExplanation], key: Callable[[LayerExplanation], float]
) -> list[LayerExplanation]:
    return sorted(layers, key=key, reverse=True)[:3]


def _drift(layer: LayerExplanation) -> float:
    return layer.drift
