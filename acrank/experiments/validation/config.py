"""Describe the settings of a validation, for the command line and Python alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from acrank.fields import DomainName, domain_setting
from acrank.utils.described import Effect, Setting
from acrank.utils.settings import Settings, validated

# Titles of options in the help.
TABLES, TRUTH, STATISTICS = "Tables", "Truth and names", "Statistics"
# How accuracies were reached; the words stand in outputs.
Protocol = Literal["end-to-end", "probe", "zero-shot", "unknown"]


class ValidationConfig(Settings):
    """Settings of a validation: how its tables are read, and what is computed of them."""

    published: Annotated[
        str | None,
        Setting(
            "Bundled table of published scores; list shows their names.",
            TABLES,
            Effect.CHOICE,
            metavar="NAME",
        ),
    ] = None
    metric: Annotated[
        str | None,
        Setting(
            "Name of the metric in a table with one column for each dataset.",
            TABLES,
            metavar="NAME",
            default="its file's name",
        ),
    ] = None
    lower_is_better: Annotated[
        tuple[str, ...],
        Setting("Metric whose lowest score is best; repeatable.", TABLES, metavar="NAME"),
    ] = ()
    model_column: Annotated[
        str | None,
        Setting("Column of model names.", TABLES, metavar="NAME", default="model"),
    ] = None
    dataset_column: Annotated[
        str | None,
        Setting("Column of dataset names.", TABLES, metavar="NAME", default="dataset"),
    ] = None
    accuracy_column: Annotated[
        str | None,
        Setting("Column of accuracies.", TABLES, metavar="NAME", default="accuracy"),
    ] = None
    repeat_column: Annotated[
        str | None,
        Setting(
            "Column of the accuracies that tells runs of one model apart; their mean counts.",
            TABLES,
            metavar="NAME",
            default="seed, run, repeat or replicate",
        ),
    ] = None
    deviation_column: Annotated[
        str | None,
        Setting(
            "Column of the accuracies with their standard deviation over seeds.",
            TABLES,
            metavar="NAME",
            default="deviation, sd or std",
        ),
    ] = None
    where: Annotated[
        tuple[str, ...],
        Setting(
            "Only rows of the accuracies with this value in this column; repeatable.",
            TABLES,
            metavar="COLUMN=VALUE",
        ),
    ] = ()
    zero_is_missing: Annotated[
        bool, Setting("Treat accuracies of 0 as missing values.", TABLES)
    ] = False
    truth: Annotated[
        Protocol,
        Setting(
            "How the accuracies were reached: by fine-tuning end to end, by a probe on frozen "
            "features, or zero-shot.",
            TRUTH,
        ),
    ] = "unknown"
    by_name: Annotated[
        bool,
        Setting("Also compare what the names of models give: priors, history and facts.", TRUTH),
    ] = True
    domain: Annotated[DomainName | None, domain_setting(TRUTH)] = None
    without: Annotated[
        tuple[str, ...],
        Setting(
            "Published table to leave out of priors and history, as one of the same study; those "
            "with the same numbers are left out anyway. Repeatable.",
            TRUTH,
            metavar="TABLE",
        ),
    ] = ()
    group: Annotated[
        str | None,
        Setting(
            "Column of the accuracies, or CSV file (dataset,group), that groups datasets, for "
            "example by modality; their own history then also leaves out whole groups.",
            TRUTH,
            metavar="COLUMN|FILE",
        ),
    ] = None
    tau: Annotated[
        Literal["both", "accuracy"],
        Setting(
            "Ranks that weight the weighted tau: by scores and by accuracies, or only by "
            "accuracies.",
            STATISTICS,
        ),
    ] = "both"
    draws: Annotated[
        int, Field(ge=100), Setting("Number of bootstrap samples and of random lists.", STATISTICS)
    ] = 1000
    seed: Annotated[
        int, Field(ge=0), Setting("Seed of the bootstrap and of the random lists.", STATISTICS)
    ] = 0

    def told(self) -> dict[str, Any]:
        """The settings that outputs name, by field."""
        names = ("published", "truth", "domain", "group", "without", "tau", "draws", "seed")
        return {name: value for name, value in self.model_dump().items() if name in names}


def make_validation_config(settings: dict[str, Any]) -> ValidationConfig:
    """Check settings by their names.

    Raises:
        ConfigError: a setting is unknown or its value is not allowed.
    """
    given = {
        name: str(value) if isinstance(value, Path) else value for name, value in settings.items()
    }
    return validated(ValidationConfig, given)
