import pytest
import timm

from acrank.errors import ZooError
from acrank.zoo import Zoo, ZooEntry, select_entries

ZOO = Zoo(tuple(ZooEntry(name=name) for name in ("resnet34", "resnet18", "densenet121")), "mine")


def chosen(zoo: Zoo | None, *patterns: str) -> list[str]:
    return [entry.name for entry in select_entries(zoo, patterns)]


def test_a_zoo_keeps_its_order() -> None:
    assert chosen(ZOO) == ["resnet34", "resnet18", "densenet121"]
    assert chosen(ZOO, "densenet121", "resnet*") == ["resnet34", "resnet18", "densenet121"]
    assert chosen(ZOO, "resnet1?", "resnet18") == ["resnet18"]


def test_a_pattern_without_match_names_the_nearest() -> None:
    with pytest.raises(ZooError, match=r"'mine' matches 'resnet81'. Did you mean resnet18, res"):
        select_entries(ZOO, ["resnet18", "resnet81"])
    with pytest.raises(ZooError, match="acrank list-zoo"):
        select_entries(ZOO, ["zzz*"])


def test_timm_names_without_a_zoo() -> None:
    assert chosen(None, "resnet18") == ["resnet18.a1_in1k"]
    assert chosen(None, "resnet18", "resnet18.a1_in1k") == ["resnet18.a1_in1k"]
    assert chosen(None, "densenet2*") == timm.list_pretrained("densenet2*")
    sources = ["local-dir:/some/where", "hf-hub:org/name@v1"]
    assert chosen(None, *sources) == sources


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("resnet19", r"called 'resnet19'. Did you mean resnet1"),
        ("resnet18.a9_in1k", r"timm has resnet18.a1_in1k, "),
        ("zzz*", r"called 'zzz\*'. For a network of your own"),
        ("hf-hub:name", "is not written hf-hub:ORG/NAME"),
        ("some/folder", r"Write hf-hub:ORG/NAME\[@REVISION\] for the hub, local-dir:PATH"),
        ("tv_resnet34", "no pretrained model called 'tv_resnet34'"),
    ],
)
def test_unknown_names(pattern: str, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        select_entries(None, [pattern])


def test_nothing_named() -> None:
    with pytest.raises(ZooError, match="No model is named"):
        select_entries(None, [])
