"""JUnit XML is pytest's own; here is the little that it needs to say our outcomes well."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

import pytest
from _pytest.junitxml import LogXML, xml_key  # no public name; hypothesis imports it from here as well


def log_to_system_out(config: pytest.Config) -> None:
    """Have findings in ``<system-out>``: strict readers refuse properties of a testcase."""
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        xml.logging = "system-out"
        xml.log_passing_tests = True


def write(config: pytest.Config) -> None:
    """Write the file, where another plugin that broke kept pytest from doing so."""
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        xml.pytest_sessionfinish()


def complete(config: pytest.Config, missing: Mapping[str, str], shown: Callable[[str], str]) -> None:
    """Make a testcase of each check, also of those that left no result: many readers know no exit status.

    Args:
        config: of the run.
        missing: id and node id of those; they have an ``<error>``.
        shown: makes a text fit to be shown.
    """
    xml = config.stash.get(xml_key, None)
    if not isinstance(xml, LogXML):
        return
    # One that was cut off by an interruption would be written without a name.
    named = [testcase for testcase in xml.node_reporters_ordered if testcase.to_xml().get("name")]
    xml.node_reporters_ordered[:] = named
    for key in [key for key, testcase in xml.node_reporters.items() if testcase not in named]:
        del xml.node_reporters[key]
    for id, nodeid in missing.items():
        path, _, name = nodeid.partition("::")
        text = f"{id} left no result"
        report = pytest.TestReport(nodeid, (path, None, name), {}, "failed", text, "setup")
        say_why = prepare(config, report, text)
        xml.pytest_runtest_logreport(report)
        say_why()
        xml.node_reporter(report).add_property("check", id)
    for testcase in xml.node_reporters_ordered:
        _say_once(testcase.to_xml())  # of one that has ended it is the same each time
    xml.global_properties = [(name, shown(str(value))) for name, value in xml.global_properties]
    _count(xml)


def _say_once(case: ET.Element) -> None:
    """Each output once: pytest writes that of a test which skips with the skip, and again at its end."""
    said: set[str | None] = set()
    for node in case.findall("system-out"):
        if node.text in said:
            case.remove(node)
        said.add(node.text)


def _count(xml: LogXML) -> None:
    """Have the suite's numbers be those of its testcases: subtests and reruns are counted and not written."""
    cases = [testcase.to_xml() for testcase in xml.node_reporters_ordered]
    tags = [node.tag for case in cases for node in case]
    stats = {name: tags.count(name) for name in ("error", "failure", "skipped")}
    xml.stats = {**stats, "passed": len(cases) - sum(stats.values())}  # pytest writes their sum
    xml.cnt_double_fail_tests = 0


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
