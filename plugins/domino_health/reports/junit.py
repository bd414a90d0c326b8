"""JUnit XML is pytest's own; here is the little that it needs to say our outcomes well."""

import pytest
from _pytest.junitxml import LogXML, xml_key  # no public name; hypothesis imports it from here as well


def log_to_system_out(config: pytest.Config) -> None:
    """Have findings in ``<system-out>``: strict readers refuse properties of a testcase."""
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        xml.logging = "system-out"


def say_why(config: pytest.Config, report: pytest.TestReport, reason: str) -> None:
    """Put our one line into the ``message`` of ``<failure>``, ``<error>`` or ``<skipped>``."""
    xml = config.stash.get(xml_key, None)
    if not isinstance(xml, LogXML) or report.outcome == "passed":
        return
    nodes = xml.node_reporter(report).nodes
    if nodes and nodes[-1].tag in ("failure", "error", "skipped"):
        nodes[-1].attrib["message"] = reason
