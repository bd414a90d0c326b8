"""Between a check's result and pytest's report: what carries it, and how it looks in pytest's words."""

from dataclasses import replace

import pytest

from domino_health.gate import CheckError, Result, State, describe
from domino_health.plugin.evaluate import spec_of_item, wire
from domino_health.plugin.fit import one_line, scrub
from domino_health.redact import Redactor
from domino_health.reports.html import ATTRIBUTE
from domino_health.reports.text import finding_lines

REASON = "domino_health_reason"
"""Of pytest's report: why it looks as it does, in one line; a teardown's own where the result stands."""


def raised(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, redactor: Redactor
) -> Result:
    """The result of a check that did not come to one: it, or a fixture of its, raised or skipped."""
    spec = spec_of_item(item)
    assert spec is not None, "only a check comes here"
    assert call.excinfo is not None, "only one that raised"
    error = call.excinfo.value
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 (a text that raises itself must not end the run)
        text = "its text raises as well"
    if isinstance(error, pytest.skip.Exception):
        return describe(spec, State.SKIPPED, one_line(f"skipped: {text}", redactor), test=item.nodeid)
    reason = one_line(f"raised in {call.when}: {type(error).__name__}: {text}", redactor)
    result = describe(spec, State.UNKNOWN, reason, test=item.nodeid, closes=True)
    # A check that broke its contract is told so; where we noticed that is nothing to it.
    details = "" if isinstance(error, CheckError) else report.longreprtext
    return scrub(replace(result, details=details), redactor)


def dress(report: pytest.TestReport, result: Result, shown: Result | None, *, many_clusters: bool) -> None:
    """Have the report carry ``result`` and look like ``shown``, what this very phase came to."""
    if hasattr(report, "wasxfail"):
        del report.wasxfail
    if shown is None:
        report.outcome, report.longrepr = "passed", None
        return
    setattr(report, ATTRIBUTE, wire(replace(result, seconds=round(report.duration, 3))))
    setattr(report, REASON, shown.reason)
    text = shown.details or "\n".join(finding_lines(shown, many_clusters))
    if shown.state is State.FAILED:
        report.outcome, report.longrepr = "failed", text
    elif shown.state is State.UNKNOWN and shown.closes:
        # pytest knows errors only of set-up and teardown; JUnit's <error> is made of these.
        report.outcome, report.longrepr = "failed", text
        report.when = "setup" if report.when == "call" else report.when
    elif shown.state in (State.UNKNOWN, State.SKIPPED):
        report.outcome = "skipped"
        report.longrepr = (str(report.location[0]), (report.location[1] or 0) + 1, shown.reason)
    else:
        report.outcome, report.longrepr = "passed", None
