"""Types of settings, and the settings that several commands share, each described once."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from acrank.errors import ConfigError
from acrank.utils.described import Effect, Kind, Setting, Words, described, given, options_text
from acrank.utils.duration import parse_duration


class SizedImages(Protocol):
    """The setting of a run that says how large images are."""

    @property
    def image_size(self) -> int | None:
        """Pixels of a side; None for the usual size."""
        ...


class SizedTask(Protocol):
    """The facts about a task that decide which sizes of images it has."""

    @property
    def name(self) -> str:
        """Name of the task for users."""
        ...

    @property
    def size_step(self) -> int:
        """Number of which sizes are multiples."""
        ...


# Titles of options in the help that several commands have.
DATA = "Data and models"
PIXELS = "Masks and volumes"
VOLUMES = "Volumes"
MACHINE = "Machine and access"
# Of the options that belong to no other group.
OTHER = "Output and help"
MANY = "Time, workers and clusters"
# Why a command has no option for what is about many models.
ONE_MODEL = {"explain": "it scores a single model, in this process"}
# What networks halve their input to, and the most voxels of a side that a patch may have.
PATCH_STRIDE, PATCH_LARGEST = 16, 512

Steps = Annotated[int, Field(ge=1)] | Literal["epoch"]
Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]


def _numbers(value: object) -> object:
    """Numbers between commas as a list of them."""
    return value.split(",") if isinstance(value, str) else value


def _two(value: object) -> object:
    """A lowest and a highest number."""
    given = _numbers(value)
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise ValueError("write it as LOW,HIGH, for example -160,240")
    return given


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise ValueError("write it as LOW,HIGH, for example -160,240")
    return value


def _count(value: object) -> object:
    """A number written as text, or ``all``."""
    if value == "all" or not isinstance(value, str):
        return value
    if not value.isdecimal():
        raise ValueError("write it as a whole number, or as all")
    return int(value)


def _each_axis(value: object) -> object:
    """One number for the three axes."""
    given = _numbers([value] if isinstance(value, int | float) else value)
    if not isinstance(given, list | tuple) or len(given) not in (1, 3):
        raise ValueError("write it as one number, or as three for the axes X,Y,Z")
    return [*given] * 3 if len(given) == 1 else given


Side = Annotated[int, Field(ge=PATCH_STRIDE, le=PATCH_LARGEST, multiple_of=PATCH_STRIDE)]
Millimetres = Annotated[float, Field(ge=0.01, le=100)]
Intensity = Annotated[float, Field(allow_inf_nan=False)]
Patch = Annotated[tuple[Side, Side, Side], BeforeValidator(_each_axis)]
Patches = Annotated[Annotated[int, Field(ge=1, le=100)] | Literal["all"], BeforeValidator(_count)]
SpacingMm = Annotated[tuple[Millimetres, Millimetres, Millimetres], BeforeValidator(_each_axis)]
Window = Annotated[tuple[Intensity, Intensity], BeforeValidator(_two), AfterValidator(_rising)]


def one_of(words: Words) -> AfterValidator:
    """A validator of text that is one of some words, which are looked up when they are needed."""

    def check(value: str) -> str:
        known = words()
        if value not in known:
            *first, last = map(repr, known)
            raise ValueError(
                f"input should be {' or '.join(filter(None, (', '.join(first), last)))}"
            )
        return value

    return AfterValidator(check)


def _task_names() -> tuple[str, ...]:
    from acrank.tasks.registry import task_names  # of other packages too, once they are asked for

    return ("auto", *task_names())


def _domains() -> tuple[str, ...]:
    from acrank.priors.domains import DOMAINS

    return DOMAINS


DomainName = Annotated[str, one_of(_domains)]


def domain_setting(group: str) -> Setting:
    """Describe the domain of the images, under a title of the command's own."""
    text = f"Domain of the images, for which priors are sharpened: {', '.join(_domains())}."
    return Setting(text, group, Effect.RANKING, metavar="NAME", words=_domains)


# The settings themselves, as every configuration that has them takes them.
ZooFile = Annotated[
    str | None,
    Field(min_length=1),
    Setting(
        "Candidates: a zoo file, demo, or default for the packaged zoo.",
        DATA,
        Effect.CHOICE,
        metavar="FILE|demo",
        default="default, unless --model names models of timm",
        decides=("finetune.zoo", "score.zoo"),
    ),
]
Models = Annotated[
    tuple[str, ...],
    Setting(
        "Name or wildcard that selects models of the zoo, or of timm where no zoo is given; "
        "repeatable.",
        DATA,
        Effect.CHOICE,
        option="--model",
        metavar="NAME",
        decides=("finetune.model", "score.models"),
    ),
]
DataKind = Annotated[
    str,
    one_of(_task_names),
    Setting(
        "Task: classification of whole images, or segmentation of images or volumes.",
        DATA,
        Effect.NUMBERS,
        default="auto, from the data",
        words=_task_names,
    ),
]
Decoder = Annotated[
    Literal["unet", "fpn", "deeplabv3plus"],
    Setting("Decoder on the encoder's feature maps (extra: segmentation).", PIXELS, pixels=True),
]
ImageSize = Annotated[
    int | None,
    Field(ge=32, le=4096),
    Setting(
        "Height and width of the images that networks see; with masks, to which both are "
        "stretched, a multiple of 32.",
        DATA,
        default="each network's own",
        usual=lambda task: task.image_size,
        dimensions=2,
    ),
]
PatchSize = Annotated[
    Patch | None,
    Setting(
        "Voxels per axis of a patch, multiples of 16: N, or X,Y,Z from left to right, back to "
        "front and foot to head.",
        VOLUMES,
        metavar="N|X,Y,Z",
        default="96, or what fits into the median volume",
        dimensions=3,
    ),
]
VoxelSpacing = Annotated[
    SpacingMm | None,
    Setting(
        "Voxel size in mm to which volumes are resampled: N or X,Y,Z.",
        VOLUMES,
        metavar="N|X,Y,Z",
        default="the median of the volumes",
        dimensions=3,
    ),
]
IntensityWindow = Annotated[
    Window | None,
    Setting(
        "Intensity window for volumes and DICOM images, for example of CT; values outside it are "
        "clipped.",
        DATA,
        metavar="LOW,HIGH",
        default="percentiles of each volume; for DICOM images, each file's own window",
        units=True,
    ),
]
GroupColumn = Annotated[
    str | None,
    Setting(
        "Column of a CSV file that says which images belong together, such as their patient; no "
        "group is split between training, validation and test images.",
        DATA,
        Effect.CHOICE,
        metavar="NAME",
    ),
]
Export = Annotated[
    tuple[Annotated[str, one_of(lambda: ("onnx",))], ...],
    Setting(
        "Also write the network in this format, and check that its outputs agree with PyTorch's: "
        "model.onnx (extra: onnx). Repeatable.",
        OTHER,
        Effect.NOTHING,
        metavar="onnx",
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Setting("Where networks run; auto takes CUDA, then MPS, then the CPU.", MACHINE, Effect.CHOICE),
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    Setting(
        "Precision of the forward and backward pass; auto takes bf16 where the hardware has it.",
        MACHINE,
        Effect.CHOICE,
    ),
]
Threads = Annotated[
    int | None,
    Field(ge=1),
    Setting(
        "CPU threads.",
        MACHINE,
        Effect.NOTHING,
        default="the number of physical cores, or fewer if the container is limited",
    ),
]
Offline = Annotated[bool, Setting("Do not use the internet.", MACHINE, Effect.NOTHING)]
TrustCode = Annotated[
    bool,
    Setting("Allow zoo entries with factory: to run their own code.", MACHINE, Effect.NOTHING),
]
AllowPartial = Annotated[
    bool,
    Setting(
        "Accept checkpoints that fill less than half of their network, in zoo entries with "
        "partial: true.",
        MACHINE,
        Effect.ADMISSION,
    ),
]
Jobs = Annotated[
    int | None,
    Field(ge=1),
    Setting(
        "Run N models at a time, each in a worker process; a crash then costs only one model.",
        MANY,
        Effect.NOTHING,
        default="one model after the other, in this process",
        not_for=ONE_MODEL,
    ),
]
Engine = Annotated[
    Literal["local", "ray"],
    Setting(
        "Run on this machine, or on a Ray cluster (extra: ray).",
        MANY,
        Effect.NOTHING,
        not_for=ONE_MODEL,
    ),
]
RayAddress = Annotated[
    str | None,
    Setting(
        "Address of a running Ray cluster.",
        MANY,
        Effect.NOTHING,
        metavar="ADDRESS",
        default="start one on this machine",
        not_for=ONE_MODEL,
    ),
]
# ``names`` validates it before pydantic does.
Callbacks = Annotated[
    tuple[str, ...],
    Setting(
        "Name of an installed callback that follows the run, such as a tracker; repeatable.",
        MANY,
        Effect.NOTHING,
        option="--callback",
        metavar="NAME",
        of_features=True,
    ),
]


def names(value: object) -> object:
    """Return a single name as a tuple of one; for fields that take several."""
    return (value,) if isinstance(value, str) else value


def refuse_address(engine: str, address: str | None) -> None:
    """Refuse the address of a cluster where none is used; for a validator of a configuration.

    Raises:
        ValueError: the engine is not Ray.
    """
    if address and engine != "ray":
        raise ValueError("ray_address is for engine ray")


def told_unused(config: BaseModel, task: Kind) -> list[str]:
    """Say which settings somebody has set that a task has no use for.

    Args:
        config: configuration of a run.
        task: task of the data.
    """
    fields = type(config)
    others = [name for name, setting in described(fields).items() if not setting.is_for(task)]
    named = options_text(fields, given(config, others))
    if not named:
        return []
    return [f"{named}: for images with masks alone, and not used here."]


def refuse_size(config: SizedImages, task: SizedTask) -> None:
    """Refuse an image size that the networks of a task cannot halve as often as they need to.

    Args:
        config: configuration of a run, for the task already.
        task: task of the data.

    Raises:
        ConfigError: it is no multiple of the task's step.
    """
    size, step = config.image_size, task.size_step
    if size is not None and size % step:
        raise ConfigError(
            f"--image-size is {size}, and images of {task.name} need a multiple of {step}.",
            hint=f"The nearest are {size // step * step} and {(size // step + 1) * step}.",
        )


def refuse_other_kind(config: BaseModel, task: Kind) -> None:
    """Refuse settings of images for volumes, and the other way round.

    Args:
        config: has the settings of both.
        task: task of the data.

    Raises:
        ConfigError: one is set, be it to what it is anyway.
    """
    fields, volumes = type(config), task.dimensions == 3
    others = [name for name, setting in described(fields).items() if not setting.fits(task)]
    named = options_text(fields, given(config, others))
    if named:
        raise ConfigError(
            f"{named} is for {'images' if volumes else 'volumes'}, and the data are "
            f"{'volumes' if volumes else 'images'}.",
            hint="Leave it out; --patch sets the size of volumes." if volumes else None,
        )
