"""JUnit XML is pytest's own; here is the little that it needs to say our outcomes well."""

from collections.abc import Callable

import pytest
from _pytest.junitxml import LogXML, xml_key  # no public name; hypothesis imports it from here as well


def log_to_system_out(config: pytest.Config) -> None:
    """Have findings in ``<system-out>``: strict readers refuse properties of a testcase."""
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        xml.logging = "system-out"


def write(config: pytest.Config) -> None:
    """Write the file, where another plugin that broke kept pytest from doing so."""
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        xml.pytest_sessionfinish()


def drop_unfinished(config: pytest.Config) -> None:
    """Forget the testcase that was cut off by an interruption: pytest would write it without a name."""
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        named = [testcase for testcase in xml.node_reporters_ordered if testcase.to_xml().get("name")]
        xml.node_reporters_ordered[:] = named


def prepare(config: pytest.Config, report: pytest.TestReport, reason: str) -> Callable[[], None]:
    """Before the report is logged; what it gives, called after, says why.

    It puts our one line into the ``message`` of ``<failure>``, ``<error>`` or ``<skipped>``. The testcase is
    asked for before: after a teardown it is complete, and asking again would begin another one. (A failed
    check whose teardown raises has two, pytest's own way to hold both.)
    """
    xml = config.stash.get(xml_key, None)
    if not isinstance(xml, LogXML) or report.outcome == "passed" or not reason:
        return lambda: None
    testcase, known = xml.node_reporter(report), len(xml.node_reporters_ordered)

    def say_why() -> None:
        testcases = [testcase, *xml.node_reporters_ordered[known:]]
        for node in reversed([node for each in testcases for node in each.to_xml()]):
            if node.tag in ("failure", "error", "skipped"):
                node.attrib["message"] = reason
                return

    return say_why
