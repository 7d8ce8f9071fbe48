import subprocess
import sys
from typing import Any

import pytest

import acrank


def test_import_loads_no_heavy_package() -> None:
    code = "import sys, acrank, acrank.cli; print(*{'torch', 'pandas', 'timm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_public_name_is_there() -> None:
    for name in [*acrank.__all__, "norm", "metrics"]:
        assert getattr(acrank, name) is not None
        assert name in dir(acrank)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        acrank.nope  # noqa: B018


def test_rank_from_python() -> None:
    heard: list[object] = []

    class Hearing(acrank.Callback):
        def done(self, result: acrank.ModelResult) -> None:
            heard.append(result.model)

        def ranked(self, ranking: acrank.Ranking) -> None:
            heard.append(ranking)

    drawn: dict[str, Any] = {"models": ("demo-cifar10",), "samples": 16, "batch_size": 8}
    ranking = acrank.rank("demo", "demo", callbacks=[Hearing()], listener=Hearing(), **drawn)
    assert heard == ["demo-cifar10"] * 2 + [ranking] * 2
    assert ranking.best is not None
    assert ranking.best.result.model == "demo-cifar10"
    frame = ranking.to_frame()
    assert list(frame["rank"]) == [1]
    assert ranking.rank_by == "log_me"
    assert frame["log_me"].iloc[0] == pytest.approx(ranking.best.score)


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(acrank.AcrankError, match="sample") as caught:
        acrank.rank("demo", "demo", sample=16)
    assert "samples" in str(caught.value)
