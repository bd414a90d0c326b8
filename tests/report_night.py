"""A bad night at a real platform: every outcome, two clusters, one partly denied, a check that raised."""

from dataclasses import replace
from datetime import date, timedelta

from domino_health.facts.observed import Observed, Outcome
from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.plots import Bar, Mark, timeline
from domino_health.reports.record import Record, Replay
from domino_health.results import Result, State
from domino_health.rules import Entry, Standing, Waived
from domino_health.vocabulary import Attachment, Finding, Ref, Severity, Unseen
from report_samples import BEGAN, RULE, a_finding, a_record, a_ref, a_result, a_seen, a_waiver

KEY = a_waiver(
    "IDP-006",
    "key/*/ldap-bind",
    reason="rotation is planned with release 6.2",
    ticket="CHG-4711",
    expires=date(2026, 12, 15),
)
OVER = a_waiver(
    "SCHED-001",
    "deployment/domino-platform/dispatcher",
    reason="the dispatcher is restarted by hand until its memory is raised",
    ticket="CHG-4602",
    expires=date(2026, 11, 21),
)
GPU = a_waiver(
    "SCHED-001",
    "execution/*/type=Job,tier=gpu-h100,*",
    reason="the H100 nodes are on order; people know that they wait",
    ticket="CHG-4655",
    expires=date(2027, 3, 31),
)


def a_bad_night() -> Record:
    """The record of that night."""
    denied = Unseen(
        "prod-2/domino-compute", "GET persistentvolumeclaims: 403 Forbidden", RULE, "denied", "volume_claims"
    )
    dead = Unseen(
        "keycloak.prod.example.com:443",
        "connect: timed out after 10 s",
        "see whether the service is up, and whether a firewall stands between here and it",
        "timed out",
        "tls_endpoints",
    )
    results = [
        a_result(
            "SCHED-001",
            State.FAILED,
            reason="4 findings at or above high, of 1204 assessed",
            population=1204,
            worst="longest wait 52 m 4 s of 10 m",
            findings=_waiting(),
            waived=(Waived(_waived_wait(), GPU),),
            attachments=(_start_up(),),
            controls=("SOC 2 A1.1", "ISO 27001 A.8.6"),
            notes="SCHED-001.md",
            thresholds={"max_wait": "10m", "max_wait_gpu": "30m"},
            seconds=0.013,
        ),
        a_result(
            "IDP-001",
            State.FAILED,
            title="Every TLS endpoint answers with a chain that verifies and is not near its end.",
            severity=Severity.CRITICAL,
            reason="2 findings at or above high, of 6 assessed",
            population=6,
            worst="the first certificate ended 3 h 12 m ago, on 2026-11-24 00:00 UTC",
            findings=_certificates(),
            remediation="renew the certificate that is named and reload what serves it. For a private CA, "
            "name it in the profile's ``tls.ca_file``.",
            thresholds={"warn_before": "30d", "fail_before": "7d"},
            seconds=0.002,
        ),
        a_result(
            "STOR-002",
            State.UNKNOWN,
            title="Every volume claim of an execution is bound within ``max_wait``.",
            reason="could not look at prod-2/domino-compute: GET persistentvolumeclaims: 403 Forbidden",
            closes=True,
            population=311,
            unseen=(denied,),
            thresholds={"max_wait": "5m"},
        ),
        a_result(
            "STOR-004",
            State.UNKNOWN,
            title="No volume is fuller than ``max_used``.",
            reason="could not look at prod-2/domino-compute: GET persistentvolumeclaims: 403 Forbidden",
            closes=True,
            population=0,
            unseen=(denied,),
        ),
        a_result(
            "DATA-003",
            State.UNKNOWN,
            title="Every object store answers a signed request.",
            reason="raised in call: KeyError: 'region'",
            closes=True,
            population=0,
            details='Traceback (most recent call last):\n  File "checks/test_data.py", line 41, in test\n'
            "    region = store.options['region']\nKeyError: 'region'\n",
        ),
        a_result(
            "CAP-003",
            State.WARNED,
            title="Every node pool can still grow by ``headroom``.",
            severity=Severity.MEDIUM,
            reason="1 finding below high, of 9 assessed",
            population=9,
            worst="1 of 40 nodes left",
            window="autoscaler events of the last 52 m",
            findings=(
                a_finding(
                    "39 of at most 40 nodes; 10 % headroom wanted",
                    Severity.MEDIUM,
                    subject=Ref("prod-1", "nodepool", "", "compute-large"),
                ),
            ),
            thresholds={"headroom": "0.1"},
        ),
        a_result(
            "MON-004",
            State.UNKNOWN,
            title="Every alert rule has been evaluated within ``max_age``.",
            severity=Severity.MEDIUM,
            reason="could not look at keycloak.prod.example.com:443: connect: timed out after 10 s",
            population=0,
            unseen=(dead,),
        ),
        a_result(
            "IDP-006",
            State.WAIVED,
            title="No service account's key is older than ``max_age``.",
            reason="1 finding waived: rotation is planned with release 6.2 (CHG-4711), until 2026-12-15",
            waived=(
                Waived(
                    a_finding(
                        "412 d old, at most 365 d", Severity.HIGH, subject=a_ref("ldap-bind", kind="key")
                    ),
                    KEY,
                ),
            ),
        ),
        *_quiet(),
    ]
    observed = {
        "clock": Observed(
            "clock", (a_seen(how="HEAD https://10.20.0.1/version", objects=(1,), seconds=0.021),)
        ),
        "pods": Observed(
            "pods",
            (
                a_seen(objects=range(1204), seconds=3.31),
                a_seen("prod-2", objects=range(88), seconds=0.912),
            ),
        ),
        "volume_claims": Observed(
            "volume_claims",
            (
                a_seen("prod-1", objects=range(311), seconds=0.5),
                a_seen(
                    "prod-2/domino-compute",
                    Outcome.DENIED,
                    how="GET https://prod-2/api/v1/namespaces/domino-compute/persistentvolumeclaims",
                    reason=denied.reason,
                    cure=denied.cure,
                ),
            ),
        ),
        "tls_endpoints": Observed(
            "tls_endpoints",
            (
                a_seen("domino.prod.example.com:443", how="TLS handshake from here", objects=(1,)),
                a_seen(
                    "keycloak.prod.example.com:443",
                    Outcome.TIMED_OUT,
                    how="TLS handshake from here",
                    reason=dead.reason,
                    cure=dead.cure,
                    seconds=10.0,
                ),
            ),
        ),
        "ldap_groups": Observed("ldap_groups", (), "the profile has no section ldap"),
        "previous": Observed("previous", (a_seen("latest", how="read latest", objects=(_before(results),)),)),
    }
    return a_record(
        *results,
        known=80,
        observed=observed,
        many_clusters=True,
        skew=12,
        clock="cluster prod-1",
        ledger=_ledger(),
        notes={"SCHED-001": "# Here\n\nCall the storage team first: +1 555 0100.\n"},
    )


def a_replay() -> Record:
    """The same night, judged again by a stricter profile; it had ended with an open gate."""
    folder = "reports/prod/2026-11-24T031244Z"
    return replace(
        a_bad_night(),
        replay=Replay(folder, verified=False, profile="profiles/strict.yaml", recorded_exit_status=0),
    )


def _before(results: list[Result]) -> PreviousRun:
    """The evening before: one pod more waited, the front end's certificate was still good."""
    states = {result.id: result.state.value for result in results}
    found = [
        PreviousFinding(result.id, finding.subject.text(with_cluster=True), "high")
        for result in results
        for finding in result.findings
        if finding.subject.name not in ("domino.prod.example.com:443", "dispatcher")
    ]
    return PreviousRun(
        folder="2026-11-23T031200Z",
        began=BEGAN - timedelta(days=1),
        gate="default",
        exit_status=1,
        states={**states, "CAP-003": "passed", "STOR-002": "passed"},
        findings=(*found, PreviousFinding("SCHED-001", "prod-1: deployment/domino-platform/nucleus", "high")),
    )


def _ledger() -> tuple[Entry, ...]:
    unused = a_waiver("CAP-003", "nodepool/compute-small", expires=date(2027, 6, 30))
    misspelled = a_waiver("SHCED-001", "*", expires=date(2027, 6, 30))
    not_judged = a_waiver("LDAP-001", "group/*", expires=date(2027, 6, 30))
    subject = "prod-1: deployment/domino-platform/dispatcher"
    return (
        Entry(KEY, Standing.USED, 1, 21, ("prod-1: key/domino-platform/ldap-bind",)),
        Entry(GPU, Standing.USED, 1, 127, ("prod-1: execution/domino-compute/type=Job",)),
        Entry(OVER, Standing.EXPIRED, 1, -3, (subject,)),
        Entry(unused, Standing.UNUSED, 0, 218),
        Entry(misspelled, Standing.NO_SUCH_CHECK, 0, 218),
        Entry(not_judged, Standing.NOT_JUDGED, 0, 218),
    )


def _waived_wait() -> Finding:
    return Finding(
        Ref("prod-1", "execution", "domino-compute", "type=Job,tier=gpu-h100,project=protein-folding"),
        "2 pods without a node for up to 6 h 2 m, at most 30 m: insufficient nvidia.com/gpu.",
        Severity.HIGH,
        count=2,
    )


def _start_up() -> Attachment:
    def bar(label: str, begins: int, ends: int, *, wanting: bool = False) -> Bar:
        return Bar(
            label, timedelta(seconds=begins), timedelta(seconds=ends), f"{ends - begins} s", wanting=wanting
        )

    bars = [
        bar("scheduled", 0, 3124, wanting=True),
        bar("image pulled", 3124, 3171),
        bar("started", 3171, 3174),
    ]
    marks = [Mark("10 m", timedelta(minutes=10))]
    title = "How the slowest workspace started"
    return Attachment(
        title,
        ("Step", "Began after", "Took"),
        tuple((each.label, str(each.begins), each.said) for each in bars),
        timeline(title, bars, marks=marks),
    )


def _waiting() -> tuple[Finding, ...]:
    said = (
        "0/41 nodes are available: 3 node(s) had untolerated taint {dominodatalab.com/gpu: true}, "
        "38 Insufficient cpu."
    )
    tier = "type=Workspace,tier=large-16cpu,environment=5f3c0b1d2e,project=churn-model-2026"
    pods = tuple(Ref("prod-1", "pod", "domino-compute", f"run-65a1b2c3d4e5f6-{n}") for n in "abc")
    return (
        Finding(
            Ref("prod-1", "execution", "domino-compute", tier),
            f"12 pods without a node for up to 52 m 4 s, at most 10 m: insufficient cpu. Scheduler: {said}",
            Severity.HIGH,
            count=12,
            examples=pods,
        ),
        Finding(
            Ref("prod-1", "deployment", "domino-platform", "dispatcher"),
            f"1 pod without a node for up to 18 m, at most 10 m: insufficient memory. Scheduler: {said}",
            Severity.HIGH,
            examples=(Ref("prod-1", "pod", "domino-platform", "dispatcher-7c9f6d5b8-x2x4k"),),
        ),
        Finding(
            Ref("prod-2", "execution", "domino-compute", "type=Job,tier=gpu-a100,project=vision"),
            "3 pods without a node for up to 41 m, at most 30 m: insufficient nvidia.com/gpu.",
            Severity.HIGH,
            count=3,
            examples=pods[:1],
        ),
        Finding(
            Ref("prod-2", "statefulset", "domino-platform", "rabbitmq-ha"),
            "1 pod without a node for up to 12 m, at most 10 m: its volume is in another zone.",
            Severity.HIGH,
        ),
    )


def _certificates() -> tuple[Finding, ...]:
    return (
        Finding(
            Ref("", "endpoint", "", "domino.prod.example.com:443"),
            "the certificate of CN=domino.prod.example.com ended 3 h 12 m ago, on 2026-11-24 00:00 UTC; "
            "at least 7 d wanted",
            Severity.CRITICAL,
        ),
        Finding(
            Ref("", "endpoint", "", "keycloak.prod.example.com:443"),
            "does not answer: connect: timed out after 10 s",
            Severity.HIGH,
        ),
        Finding(
            Ref("", "endpoint", "", "registry.prod.example.com:443"),
            "the certificate of CN=registry.prod.example.com ends in 21 d 4 h, on 2026-12-15 07:00 UTC; "
            "at least 30 d wanted",
            Severity.MEDIUM,
        ),
    )


def _quiet() -> list[Result]:
    passed = [
        a_result(
            f"{area}-{number:03}",
            title=title,
            reason=f"{population} assessed, none found wanting",
            population=population,
            worst=worst,
            severity=Severity.HIGH if number % 2 else Severity.MEDIUM,
        )
        for area, number, title, population, worst in [
            ("CAP", 1, "No node is under memory, disk or process pressure.", 52, "81 % of memory used"),
            ("CAP", 2, "Every node is ready.", 52, ""),
            ("DOM", 1, "Domino's front end answers within ``max_latency``.", 1, "0.2 s of 2 s"),
            ("DOM", 2, "Every Domino service has all of its replicas.", 64, ""),
            ("IDP", 4, "Keycloak's realm issues tokens within ``max_latency``.", 1, "0.3 s of 1 s"),
            ("STOR", 1, "Every storage class that Domino asks for exists.", 4, ""),
            ("UPG", 1, "Every cluster runs a Kubernetes version that the target release supports.", 2, ""),
        ]
    ]
    skipped = [
        a_result(f"LDAP-{n:03}", State.SKIPPED, reason="the profile has no section ldap", population=0)
        for n in (1, 2)
    ]
    return passed + skipped
