import subprocess
import sys

import pytest

from acrank.utils.licences import PERMISSIVE_LICENSES, matches_license, spdx_name, split_licenses


@pytest.mark.parametrize("name", ["mit", "MIT", "Apache-2.0", "bsd-3-clause", "cc0-1.0", "isc"])
def test_permissive_ones(name: str) -> None:
    assert matches_license(name, ["permissive"])
    assert matches_license(name, ["gpl-3.0", "Permissive"])


@pytest.mark.parametrize(
    "name",
    ["cc-by-nc-4.0", "cc-by-sa-4.0", "gpl-3.0", "openrail", "unknown", "other", "permissive", ""],
)
def test_those_with_further_terms(name: str) -> None:
    assert not matches_license(name, ["permissive"])
    assert not matches_license(name, ["mit", "permissive"])


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("MIT License", "mit"),
        ("The MIT License (MIT)", "mit"),
        ("Apache 2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("Apache Software License v2.0", "apache-2.0"),
        ("BSD 3-Clause", "bsd-3-clause"),
        ('BSD 3-Clause "New" or "Revised" License', "bsd-3-clause"),
        ("2-Clause BSD License", "bsd-2-clause"),
        ("BSD License", "bsd"),
        ("CC BY 4.0", "cc-by-4.0"),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "cc-by-4.0"),
        ("CC0 1.0 Universal", "cc0-1.0"),
        ("The Unlicense", "unlicense"),
        ("Boost Software License 1.0", "bsl-1.0"),
    ],
)
def test_licences_in_words(words: str, name: str) -> None:
    assert spdx_name(words.lower()) == name
    assert matches_license(words, ["permissive"])
    assert matches_license(words, [name])
    assert not matches_license(words, ["gpl-*"])


def test_licences_in_words_in_an_expression() -> None:
    assert matches_license("MIT License OR GPL-3.0", ["permissive"])
    assert not matches_license("MIT License AND GPL-3.0", ["permissive"])


@pytest.mark.parametrize(
    "words",
    [
        *("Apache License", "non-MIT", "MIT License with Commons Clause", "MIT (research only)"),
        *("CC BY-NC 4.0", "CC BY-SA 4.0", "Creative Commons Attribution Non Commercial 4.0"),
        *("Apache-2.0 (Google LLC)", "BSD 4-Clause", "GNU General Public License v3", "Unlicensed"),
        *("public domain", "license", "The Software License", "no license"),
    ],
)
def test_words_that_are_no_permissive_licence(words: str) -> None:
    assert spdx_name(words.lower()) == words.lower()
    assert not matches_license(words, ["permissive"])


def test_an_unknown_licence_is_never_accepted() -> None:
    assert not matches_license(None, ["*"])
    assert not matches_license("  ", ["*"])
    assert matches_license("anything", ["*"])


def test_nothing_in_particular_wanted() -> None:
    assert matches_license(None, [])
    assert matches_license("gpl-3.0", [" , "])


def test_names_and_wildcards() -> None:
    assert matches_license("bsd-3-clause", ["BSD-*"])
    assert not matches_license("0bsd", ["bsd-*"])
    assert matches_license("isc", ["mit, isc"])
    assert not matches_license("cc-by-nc-4.0", ["cc-by-4.0", "cc-by-?.0"])


def test_expressions() -> None:
    assert matches_license("MIT OR GPL-3.0", ["permissive"])
    assert not matches_license("MIT AND CC-BY-NC-4.0", ["permissive", "mit*"])
    assert matches_license("MIT AND  Apache-2.0", ["permissive"])
    assert matches_license("GPL-3.0 OR MIT AND ISC", ["mit", "isc"])
    assert not matches_license("GPL-3.0 OR MIT AND ISC", ["mit"])
    assert not matches_license("mit AND (isc OR gpl-3.0)", ["permissive", "mit*", "*"])
    assert matches_license("mit AND (isc OR gpl-3.0)", ["MIT and (ISC or GPL-3.0)"])
    assert matches_license("Apache-2.0 (Google LLC)", ["apache-*"])
    assert not matches_license("Apache-2.0 (Google LLC)", ["permissive"])


def test_splitting() -> None:
    assert split_licenses("MIT,, bsd-*") == ["mit", "bsd-*"]
    assert all(name == name.lower() for name in PERMISSIVE_LICENSES)


def test_it_needs_no_torch() -> None:
    code = "import sys, acrank.utils.licences; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "False", ran.stderr
