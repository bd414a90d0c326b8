"""Between a check's result and pytest's report: what carries it, and how it looks in pytest's words."""

from dataclasses import replace

import pytest

from domino_health.plugin.evaluate import spec_of_item, wire
from domino_health.plugin.fit import shown
from domino_health.redact import Redactor
from domino_health.reports.html import ATTRIBUTE
from domino_health.reports.text import finding_lines
from domino_health.results import CheckError, Result, State, describe
from domino_health.rules import Rules

REASON = "domino_health_reason"
"""Of pytest's report: why it looks as it does, in one line; a teardown's own where the result stands."""


def raised(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    redactor: Redactor,
    rules: Rules,
) -> Result:
    """The result of a check that did not come to one: it, or a fixture of its, raised or skipped."""
    spec = spec_of_item(item)
    assert spec is not None, "only a check comes here"
    assert call.excinfo is not None, "only one that raised"
    spec = rules.weighed(spec)
    error = call.excinfo.value
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 (a text that raises itself must not end the run)
        text = "its text raises as well"
    if isinstance(error, pytest.skip.Exception):
        return describe(spec, State.SKIPPED, _in_one_line(f"skipped: {text}", redactor))
    reason = _in_one_line(f"raised in {call.when}: {type(error).__name__}: {text}", redactor)
    result = describe(spec, State.UNKNOWN, reason, closes=True)
    # A check that broke its contract is told so; where we noticed that is nothing to it.
    details = "" if isinstance(error, CheckError) else report.longreprtext
    return replace(result, details=details)


def _in_one_line(text: str, redactor: Redactor) -> str:
    """Secrets first: one of several lines is not recognised any more when it is one line."""
    return " ".join(shown(text, redactor).split())


def dress(report: pytest.TestReport, result: Result, look: Result | None, *, many_clusters: bool) -> None:
    """Have the report carry ``result`` and look like ``look``, what this very phase came to."""
    if hasattr(report, "wasxfail"):
        del report.wasxfail
    if look is None:
        report.outcome, report.longrepr = "passed", None
        return
    setattr(report, ATTRIBUTE, wire(replace(result, seconds=round(report.duration, 3))))
    why = f"{look.id} {look.reason}" if look.state is State.WAIVED else look.reason
    setattr(report, REASON, why)
    text = look.details or "\n".join(finding_lines(look, many_clusters))
    if look.state is State.FAILED:
        report.outcome, report.longrepr = "failed", text
    elif look.state is State.UNKNOWN and look.closes:
        # pytest knows errors only of set-up and teardown; JUnit's <error> is made of these.
        report.outcome, report.longrepr = "failed", text
        report.when = "setup" if report.when == "call" else report.when
    elif look.state is State.WAIVED:
        report.outcome, report.wasxfail, report.longrepr = "skipped", why, text
    elif look.state in (State.UNKNOWN, State.SKIPPED):
        report.outcome = "skipped"
        report.longrepr = (str(report.location[0]), (report.location[1] or 0) + 1, look.reason)
    else:
        report.outcome, report.longrepr = "passed", None
