"""A prior depends on a network's own facts and on the published numbers, on nothing else."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acrank.errors import ConfigError
from acrank.priors import DOMAINS, Facts, book, domain_text, prior_of
from acrank.zoo import ZooEntry, read_zoo
from tests.priors.pages import small_book

PLAIN = Facts(family="a", params_m=10**1.5, imagenet_top1=78.0, labels="classes", texts=False)


def test_facts_are_weighed() -> None:
    pages = small_book()
    found = prior_of(PLAIN, pages=pages)
    assert found.mean == pytest.approx(1.0)  # the family's; all else is at its centre
    assert found.deviation == pytest.approx(math.sqrt(0.1 + 0.3**2))
    larger = prior_of(replace(PLAIN, params_m=100.0), pages=pages)
    assert larger.mean == pytest.approx(1.5)
    assert found.basis == larger.basis == "facts"


@pytest.mark.parametrize("fact", ["params_m", "imagenet_top1", "labels", "texts"])
def test_a_fact_that_is_not_known_makes_the_deviation_wider(fact: str) -> None:
    known, unknown = PLAIN, replace(PLAIN, **{fact: None})
    before, after = (prior_of(facts).deviation for facts in (known, unknown))
    assert before is not None
    assert after is not None
    assert after > before


def test_a_measured_network_has_its_own() -> None:
    found = prior_of("b.x_in1k", pages=small_book())
    assert (found.mean, found.deviation, found.basis) == (0.75, 0.5, "measured")
    assert "one: some/study, table.csv at 0123abc (MIT)" in found.sources


def test_a_domain_sharpens() -> None:
    for name in ("resnet50.tv_in1k", "resnet50.a1_in1k"):
        unknown = prior_of(name).deviation
        told = [prior_of(name, domain).deviation for domain in DOMAINS if domain != "synthetic"]
        assert unknown is not None
        assert all(deviation is not None and deviation < unknown for deviation in told)


def test_a_descendant_has_what_its_entry_says() -> None:
    """No history is inherited; its architecture and its stated accuracy count."""
    hub = ZooEntry(name="x", source="hf-hub:user/resnet50-finetuned-x")
    assert (prior_of(hub).mean, prior_of(hub).history) == (None, None)
    stated = prior_of(hub.model_copy(update={"imagenet_top1": 76.1}), params_m=25.6)
    assert (stated.basis, stated.history, stated.frozen) == ("facts", None, None)
    tuned = ZooEntry(name="y", arch="resnet50", weights="hf-hub:user/resnet50-finetuned-x")
    assert (prior_of(tuned).basis, prior_of(tuned).history) == ("facts", None)
    own = prior_of("resnet50.tv_in1k")
    assert own.history is not None
    assert own.deviation is not None
    for found in (stated, prior_of(tuned)):
        assert found.deviation is not None
        assert found.deviation > own.deviation


def test_what_a_domain_did_is_one_line() -> None:
    pages = small_book()
    assert domain_text("radiology", pages) == (
        "Domain radiology (with pathology, microscopy, dermatology, ophthalmology): priors weigh "
        "facts and results as in 1 published table(s) of fine-tuning, 4 networks on 1 datasets, 1 "
        "of them radiology."
    )
    assert ": priors weigh facts and results as in 0 published" in domain_text("synthetic", pages)
    assert prior_of("a.x_in1k", "pathology", pages=pages).domain == "pathology"
    for domain in DOMAINS:
        assert domain_text(domain, book()).startswith(f"Domain {domain}")


def test_a_domain_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="no domain 'radiolgy'") as refused:
        prior_of("resnet50.tv_in1k", "radiolgy")
    assert "radiology" in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "demo-cifar10",
        "no.such_name",
        "local-dir:x",
        "hf-hub:me/net",
        # descendants of a network whose results are published
        "hf-hub:user/resnet50-finetuned-x",
        "hf-hub:user/resnet50.tv_in1k",
        "hf-hub:timm/resnet50.tv_in1k-finetuned",
        "local-dir:resnet50.tv_in1k",
        "resnet50-finetuned-x",
        "resnet50.finetuned_x",
    ],
)
def test_an_unknown_name_has_none(name: str) -> None:
    found = prior_of(name)
    assert (found.mean, found.deviation, found.history) == (None, None, None)
    assert found.basis == "nothing is published under this name"


def test_heads_on_frozen_features_are_kept_apart() -> None:
    found = prior_of("hf-hub:MahmoodLab/UNI")
    assert (found.mean, found.history) == (None, None)
    assert found.frozen is not None
    assert found.frozen.domains == {"pathology": found.frozen.datasets}
    assert found.basis == "only heads on its frozen features are published"


def test_other_weights_in_a_known_architecture_have_what_their_facts_say() -> None:
    ours = ZooEntry(name="resnet50.tv_in1k", arch="resnet50", weights="ours.safetensors")
    theirs = prior_of("resnet50.tv_in1k")
    found = prior_of(ours, params_m=25.6)
    assert (found.basis, found.history, found.sources) == ("facts", None, ())
    assert found.mean != theirs.mean
    assert found.deviation is not None
    assert theirs.deviation is not None
    assert found.deviation > theirs.deviation
    stated = prior_of(ours.model_copy(update={"imagenet_top1": 76.1}), params_m=25.6)
    assert stated.deviation is not None
    assert stated.deviation < found.deviation


def test_an_entry_and_its_name_are_the_same() -> None:
    entry = ZooEntry(name="mine", source="torchvision:resnet50@IMAGENET1K_V1", base=Path("x"))
    assert prior_of(entry) == prior_of("resnet50.tv_in1k")


def test_neither_order_nor_company_matters() -> None:
    entries = read_zoo("default").entries
    alone = {entry.name: prior_of(entry) for entry in entries}
    again = {entry.name: prior_of(entry) for entry in reversed(entries[::2])}
    assert all(alone[name] == found for name, found in again.items())


def test_facts_of_more_networks_change_nobody() -> None:
    pages = small_book()
    more = replace(pages, facts={"z.x_in1k": PLAIN, **pages.facts})
    for name in ("a.x_in1k", "b.x_in1k"):
        assert prior_of(name, pages=more) == prior_of(name, pages=pages)


def test_every_name_that_is_published_has_a_finite_prior() -> None:
    for name, facts in book().facts.items():
        found = prior_of(facts) if ":" in name else prior_of(name)
        assert found.mean is not None, name
        assert found.deviation is not None
        assert np.isfinite([found.mean, found.deviation]).all()
        assert found.deviation > 0
