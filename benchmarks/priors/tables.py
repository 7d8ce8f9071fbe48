"""Say which published tables are used, how their rows are read, and whose weights they are of.

Names are matched by hand, from what each study says that it loaded. A name that may be several
checkpoints stays its own, behind the name of its table, and is used to standardise by only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from acrank.priors.names import canonical
from acrank.priors.published import FINE_TUNING, FROZEN

Rows = Iterator[tuple[str, str, float]]  # dataset, written name, accuracy


@dataclass(frozen=True)
class Used:
    """A table that is used.

    Attributes:
        name: name of the table.
        file: its file in the folder of reference material.
        protocol: end-to-end fine-tuning, or heads on frozen features.
        measure: what its numbers are.
        rows: reads dataset, name as written and accuracy.
        names: name as written -> any name of the same weights.
        source: repository, path, commit and licence where MANIFEST.csv lacks them.
    """

    name: str
    file: str
    protocol: str
    measure: str
    rows: Callable[[pd.DataFrame], Rows]
    names: Mapping[str, str]
    source: Mapping[str, str] = field(default_factory=dict)

    def read(self, folder: Path) -> dict[str, dict[str, float]]:
        """Read dataset -> canonical name -> accuracy."""
        values: dict[str, dict[str, float]] = {}
        for dataset, written, accuracy in self.rows(pd.read_csv(folder / self.file)):
            model = self.model(written)
            row = values.setdefault(dataset, {})
            if model in row:
                raise ValueError(f"{self.name}: {model} on {dataset} twice")
            row[model] = float(accuracy)
        return {dataset: dict(sorted(values[dataset].items())) for dataset in sorted(values)}

    def model(self, written: str) -> str:
        """The canonical name of what a table writes."""
        return canonical(self.names[written]) if written in self.names else self.own(written)

    def own(self, written: str) -> str:
        """The name of weights that are known from this table only."""
        return f"{self.name}:{written}"


def _long(frame: pd.DataFrame) -> Rows:
    for row in frame.itertuples():
        yield str(row.dataset).lower(), str(row.model), float(str(row.accuracy))


def _wide(frame: pd.DataFrame) -> Rows:
    named = frame.set_index(frame.columns[0])
    for written, row in named.iterrows():
        for dataset, accuracy in row.items():
            if accuracy != 0:  # the sources' zeros are missing values
                yield str(dataset).lower(), str(written), float(accuracy)


def _medmnistplus(protocol: str) -> Callable[[pd.DataFrame], Rows]:
    """Accuracies at 224 pixels; AUC of ChestMNIST, where 14 rare labels make accuracy constant."""

    def rows(frame: pd.DataFrame) -> Rows:
        measures = frame.dataset.map(lambda name: "auc" if name == "chestmnist" else "acc")
        kept = (frame.protocol == protocol) & (frame.resolution == 224)
        return _long(frame[kept & (frame.measure == measures)])

    return rows


def _tllib(frame: pd.DataFrame) -> Rows:
    for row in frame.itertuples():
        yield (
            _SPELLED.get(str(row.dataset), str(row.dataset).lower()),
            str(row.model),
            float(str(row.finetuned_acc)),
        )


def _vtab(frame: pd.DataFrame) -> Rows:
    """All images; without what was never trained or trained to generate, which no zoo has."""
    generative = frame.model.str.contains("GAN|VAE|WAE|Scratch")
    full = frame.train_examples.astype(str) == "full"
    for dataset, written, accuracy in _long(frame[full & ~generative & frame.notes.isna()]):
        yield _SPELLED.get(dataset, dataset), written, accuracy


def _eva(frame: pd.DataFrame) -> Rows:
    tested = {name.removesuffix("/test") for name in frame.dataset if name.endswith("/test")}
    for dataset, written, accuracy in _long(frame):
        if dataset not in tested:
            yield dataset.removesuffix("/test"), written, accuracy


_SPELLED = {
    "OxfordIIITPets": "pets",
    "StanfordCars": "cars",
    "cifar-100": "cifar100",
    "flowers102": "flowers",
    "resisc45": "resisc",
}
_NAMES = (
    "resnet18 resnet34 resnet50 resnet101 resnet152 densenet121 densenet169 densenet201 vgg11 "
    "mnasnet1_0 mobilenet_v2 mobilenet_v3_small googlenet inception_v3 efficientnet_v2_s "
    "convnext_tiny shufflenet_v2_x0_5 alexnet"
)
_TV = {name: f"torchvision:{name}@IMAGENET1K_V1" for name in re.split(" ", _NAMES)}
_TLLIB = {
    "GoogleNet": "googlenet",
    "Inception V3": "inception_v3",
    "ResNet50": "resnet50",
    "ResNet101": "resnet101",
    "ResNet152": "resnet152",
    "DenseNet121": "densenet121",
    "DenseNet169": "densenet169",
    "Densenet201": "densenet201",
    "MobileNet V2": "mobilenet_v2",
    "MNasNet": "mnasnet1_0",
}
_JUODELYTE = {
    "densenet": "densenet121",
    "efficientnet": "efficientnet_v2_s",
    "googlenet": "googlenet",
    "mnasnet": "mnasnet1_0",
    "mobilenet": "mobilenet_v3_small",
    "vgg": "vgg11",
    "convnext": "convnext_tiny",
    "shufflenet": "shufflenet_v2_x0_5",
    "resnet": "resnet18",
}
# timm.create_model(name, pretrained=True) takes the first tag of a name.
_MEDMNISTPLUS = {
    "alexnet": _TV["alexnet"],
    "vgg16": "vgg16.tv_in1k",
    "resnet18": "resnet18.a1_in1k",
    "densenet121": "densenet121.ra_in1k",
    "efficientnet_b4": "efficientnet_b4.ra2_in1k",
    "vit_base_patch16_224": "vit_base_patch16_224.augreg2_in21k_ft_in1k",
    "vit_base_patch16_clip_224": "vit_base_patch16_clip_224.laion2b_ft_in12k_in1k",
    "eva02_base_patch16_clip_224": "eva02_base_patch16_clip_224.merged2b",
    "vit_base_patch16_224.dino": "vit_base_patch16_224.dino",
    "samvit_base_patch16": "samvit_base_patch16.sa1b",
}
# vit_timm is left alone: timm has several such checkpoints.
_TVT = {
    "clip_vit": "vit_base_patch16_clip_224.laion2b",
    "dino_vit": "vit_base_patch16_224.dino",
    "mae_vit": "vit_base_patch16_224.mae",
}
# Encoders of pathology; where a table does not say which of several, it is left alone.
_PATHOLOGY = {
    "UNI": "MahmoodLab/UNI",
    "UNI2": "MahmoodLab/UNI2-h",
    "CONCH": "MahmoodLab/CONCH",
    "Virchow": "paige-ai/Virchow",
    "Virchow2": "paige-ai/Virchow2",
    "H-optimus-0": "bioptimus/H-optimus-0",
    "H-Optimus-0": "bioptimus/H-optimus-0",
    "H-Optimus-1": "bioptimus/H-optimus-1",
    "H0-mini": "bioptimus/H0-mini",
    "Prov-GigaPath": "prov-gigapath/prov-gigapath",
    "Phikon": "owkin/phikon",
    "Phikon-v2": "owkin/phikon-v2",
    "Phikon2": "owkin/phikon-v2",
    "Hibou-L": "histai/hibou-L",
    "PLIP": "vinid/plip",
    "paige_virchow2": "paige-ai/Virchow2",
    "mahmood_uni": "MahmoodLab/UNI",
    "mahmood_uni2_h": "MahmoodLab/UNI2-h",
    "bioptimus_h_optimus_0": "bioptimus/H-optimus-0",
    "prov_gigapath": "prov-gigapath/prov-gigapath",
    "owkin_phikon": "owkin/phikon",
    "owkin_phikon_v2": "owkin/phikon-v2",
    "histai_hibou_l": "histai/hibou-L",
}
_PATHOLOGY = {written: f"hf-hub:{name}" for written, name in _PATHOLOGY.items()}


def _tv(written: Mapping[str, str]) -> dict[str, str]:
    return {name: _TV[model] for name, model in written.items()}


_NCTI = {"repo": "BUserName/NCTI", "commit": "770be72", "licence": "MIT"}
USED = (
    Used(
        "medmnistplus",
        "history/medmnistplus_doerrich.csv",
        FINE_TUNING,
        "accuracy in per cent at 224 pixels, mean of 3 seeds; of ChestMNIST AUC",
        _medmnistplus("end-to-end"),
        _MEDMNISTPLUS,
    ),
    Used(
        "medmnist-models",
        "tables/medmnist_auc_model.csv",
        FINE_TUNING,
        "AUC in per cent",
        _wide,
        _tv(_JUODELYTE),
        {
            "repo": "DovileDo/transferability-in-medical-imaging",
            "path": "results/medmnist_auc_model.csv",
            "commit": "(not recorded)",
            "licence": "MIT",
        },
    ),
    Used(
        "sfda-supervised",
        "tables/sfda_group1.csv",
        FINE_TUNING,
        "accuracy in per cent",
        _wide,
        _TV,
        {**_NCTI, "path": "tw_group1.py"},
    ),
    Used(
        "sfda-self-supervised",
        "tables/ssl_group2.csv",
        FINE_TUNING,
        "accuracy in per cent",
        _wide,
        {},
        {**_NCTI, "path": "tw_group2.py"},
    ),
    Used(
        "tllib",
        "tables/tllib_scores_acc.csv",
        FINE_TUNING,
        "accuracy in per cent",
        _tllib,
        _tv(_TLLIB),
        {
            "repo": "thuml/Transfer-Learning-Library",
            "path": "examples/model_selection/README.md",
            "commit": "56ccfd7",
            "licence": "MIT",
        },
    ),
    Used(
        "tvt",
        "history/tvt_vit.csv",
        FINE_TUNING,
        "accuracy in per cent, mean of 3 runs",
        _long,
        _TVT,
    ),
    Used(
        "vtab",
        "history/vtab_task_adaptation.csv",
        FINE_TUNING,
        "accuracy in per cent, trained on all images",
        _vtab,
        {},
    ),
    Used(
        "medmnistplus-probe",
        "history/medmnistplus_doerrich.csv",
        FROZEN,
        "accuracy in per cent of a linear probe at 224 pixels; of ChestMNIST AUC",
        _medmnistplus("linear-probe"),
        _MEDMNISTPLUS,
    ),
    Used(
        "eva-pathology",
        "history/kaiko_eva_pathology.csv",
        FROZEN,
        "balanced accuracy, of segmentations Dice, on the test part where there is one",
        _eva,
        _PATHOLOGY,
    ),
    Used(
        "pathbench-gevaert",
        "history/pathbench_gevaert.csv",
        FROZEN,
        "AUROC of a linear head",
        _long,
        _PATHOLOGY,
    ),
    Used(
        "pathbench-hkust",
        "history/pathbench_hkust.csv",
        FROZEN,
        "AUC or C-index of ABMIL",
        _long,
        _PATHOLOGY,
    ),
    Used(
        "sinai",
        "history/sinai_clinical_pathology.csv",
        FROZEN,
        "AUC of gated attention over tiles",
        _long,
        _PATHOLOGY,
    ),
)
_RESNET50: dict[str, Any] = {
    "family": "resnet",
    "params_m": 25.557,
    "images_m": 1.28,
    "labels": "none",
    "texts": False,
    "modern": False,
    "transformer": False,
}
# Facts of names that tell nothing of themselves, from the studies: name -> what is known.
TOLD: dict[str, dict[str, Any]] = {
    "sfda-self-supervised": _RESNET50,
    "vtab": _RESNET50,
    "tvt:mocov3_vit": {
        "family": "vit",
        "params_m": 86.568,
        "images_m": 1.28,
        "labels": "none",
        "texts": False,
        "modern": True,
        "transformer": True,
    },
    "tvt:vit_timm": {
        "family": "vit",
        "params_m": 86.568,
        "labels": "classes",
        "texts": False,
        "modern": True,
        "transformer": True,
    },
    "vit_base_patch16_224.dino": {"params_m": 85.799},
    "vit_base_patch16_224.mae": {"params_m": 85.799},
    "vit_base_patch16_clip_224.laion2b": {"params_m": 86.193},
    "samvit_base_patch16.sa1b": {"params_m": 89.671},
    "eva02_base_patch16_clip_224.merged2b": {"params_m": 86.263},
}
_SUPERVISED = ("Sup-100%", "Sup-Exemplar-100%", "Sup-Rotation-100%")


def told(name: str) -> dict[str, Any]:
    """What the studies say of a network whose name does not say it."""
    table, _, written = name.partition(":")
    facts = TOLD.get(name) or TOLD.get(table) or {}
    return {**facts, "labels": "classes"} if written in _SUPERVISED else dict(facts)
