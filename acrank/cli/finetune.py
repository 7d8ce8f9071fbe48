"""``acrank finetune``: carry a backbone on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acrank.cli.finetune_options import (
    Accumulation,
    Augmentation,
    AverageDecay,
    BackboneName,
    BackboneZoo,
    BeginAnew,
    ClassWeighting,
    Epochs,
    Figures,
    Flip,
    Fold,
    HeadEpochs,
    HeadRateFactor,
    HighestRate,
    LabelSmoothing,
    MethodName,
    MethodOptions,
    MonitorName,
    NormsRule,
    OptimizerName,
    OutputFolder,
    Patience,
    RankingFile,
    ScheduleName,
    TestData,
    TrainingBatch,
    TrainingData,
    TrainingSamples,
    TrainingSeed,
    ValidationData,
    ValidationShare,
    Warmup,
    WeightDecay,
    settings_of,
)
from acrank.cli.options import (
    AllowPartial,
    Decoder,
    DeviceName,
    ImageSize,
    IntensityWindow,
    Offline,
    PatchSize,
    PrecisionName,
    TaskOption,
    Threads,
    TrustCode,
    VoxelSpacing,
)
from acrank.cli.output import Format, OutputFormat, deliver, show
from acrank.errors import ConfigError
from acrank.finetuning.catalogue import read_options

if TYPE_CHECKING:
    from acrank.finetuning.config import FinetuneConfig
    from acrank.finetuning.result import Finetuned


def finetune(
    data: TrainingData = None,
    model: BackboneName = None,
    zoo: BackboneZoo = None,
    from_: RankingFile = None,
    method: MethodName = None,
    option: MethodOptions = None,
    task: TaskOption = None,
    decoder: Decoder = None,
    image_size: ImageSize = None,
    patch: PatchSize = None,
    spacing: VoxelSpacing = None,
    window: IntensityWindow = None,
    norms: NormsRule = None,
    output: OutputFolder = None,
    val: ValidationData = None,
    val_share: ValidationShare = None,
    test: TestData = None,
    samples: TrainingSamples = None,
    epochs: Epochs = None,
    head_epochs: HeadEpochs = None,
    batch_size: TrainingBatch = None,
    accumulate: Accumulation = None,
    optimizer: OptimizerName = None,
    lr: HighestRate = None,
    head_lr_factor: HeadRateFactor = None,
    weight_decay: WeightDecay = None,
    schedule: ScheduleName = None,
    warmup: Warmup = None,
    label_smoothing: LabelSmoothing = None,
    class_weights: ClassWeighting = None,
    augment: Augmentation = None,
    flip: Flip = None,
    ema: AverageDecay = None,
    patience: Patience = None,
    monitor: MonitorName = None,
    fold: Fold = None,
    seed: TrainingSeed = None,
    device: DeviceName = None,
    precision: PrecisionName = None,
    threads: Threads = None,
    offline: Offline = None,
    trust_code: TrustCode = None,
    allow_partial: AllowPartial = None,
    fresh: BeginAnew = False,
    figures: Figures = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Fine-tune a backbone on a target dataset, by AC-Norm or one of its peers.

    The best epoch's weights are written into a folder that timm loads as local-dir:, with the
    log, the confusion matrix and all settings. With masks the backbone becomes the encoder of a
    segmenter (acrank.load_segmenter). Stopped at any moment, the same command goes on after the
    last whole epoch.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 4 the backbone cannot be fine-tuned,
    130 interrupted.
    """
    config = _config(locals())
    if figures:
        from acrank.report.plotting import require_plotting

        require_plotting("--figures")
    from acrank.utils.files import folder_name

    folder = output or Path(folder_name(f"{config.model}-{config.method}", "finetuned"))
    done = _finetune(config, folder, fresh)
    from acrank.report.builders.finetuning import FinetuneReport

    report = FinetuneReport(done)
    deliver(lambda: show(report, output_format), lambda: _draw(done) if figures else None)


def _config(options: Mapping[str, Any]) -> FinetuneConfig:
    from acrank.finetuning.config import make_finetune_config

    settings = settings_of(options)
    if options["from_"]:
        if settings.keys() & {"model", "zoo"}:
            raise ConfigError(
                "--from has a model and its zoo already.", hint="Leave --model and --zoo out."
            )
        settings = _best_of(options["from_"]) | settings
    config = make_finetune_config(settings)
    given = read_options(config.method, options["option"] or ())
    if options["norms"]:
        given["norms"] = str(options["norms"])
    return make_finetune_config({**settings, "options": given}) if given else config


def _best_of(path: Path) -> dict[str, Any]:
    """The first model of a ranking and where it is listed."""
    from acrank.results.file import read_ranking

    ranking = read_ranking(path)
    if ranking.best is None:
        raise ConfigError(f"'{path}' has no ranked model.", hint="Name one with --model.")
    config = ranking.record["config"]
    listed = config.get("zoo") or (None if config.get("models") else "default")
    masks = config.get("task") == "segmentation"
    of_masks = ("task", "decoder", "image_size", "patch", "spacing", "window")
    kept = {name: config[name] for name in of_masks if masks and config.get(name) is not None}
    return {"model": ranking.best.result.model, **({"zoo": listed} if listed else {}), **kept}


def _finetune(config: FinetuneConfig, folder: Path, fresh: bool) -> Finetuned:
    from acrank.finetuning.run import finetune as run
    from acrank.finetuning.state import STATE
    from acrank.report.progress import EpochProgress
    from acrank.report.renderers.terminal import make_console

    with EpochProgress(make_console(stderr=True)) as progress:
        try:
            return run(config, folder, fresh=fresh, say=progress.row, note=progress.message)
        except KeyboardInterrupt:
            if (folder / STATE).is_file():
                command = "the same command without --fresh" if fresh else "the same command"
                progress.message(f"{command} goes on after the last whole epoch")
            raise


def _draw(done: Finetuned) -> None:
    from acrank.report.builders.finetuning_figures import write_figures

    write_figures(done)
