"""Write a gate's verdict as a JUnit report, one test case for each rule."""

from __future__ import annotations

from xml.etree import ElementTree

from acrank.gate.judge import Verdict
from acrank.utils.visible import visible

SUITE = "acrank gate"


def to_junit(verdict: Verdict) -> str:
    """Write the verdict in the XML that CI systems show as test results.

    Args:
        verdict: of a gate.

    Returns:
        A document with one suite; characters that XML cannot hold are escapes.
    """
    counts = {"tests": str(len(verdict.checks)), "failures": str(len(verdict.failures))}
    root = ElementTree.Element("testsuites", {"name": SUITE, **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": SUITE, "errors": "0", **counts})
    for check in verdict.checks:
        classname = f"acrank.gate.{_text(verdict.contest.name or 'none')}"
        case = ElementTree.SubElement(suite, "testcase", name=check.rule, classname=classname)
        if check.passed:
            ElementTree.SubElement(case, "system-out").text = _text(check.text)
        else:
            failure = ElementTree.SubElement(case, "failure", message=_text(check.text))
            failure.text = _text(f"{check.rule}: {check.text}")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _text(text: str) -> str:
    """Escape the characters that XML cannot hold: most controls, and two non-characters."""
    return visible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
