"""DOM-004: known faults in the logs of Domino's services."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from checks import test_platform_logs as platform_logs

from builders import NOW
from domino_health import Assessment, Finding, KnownFault, LogCount, Ref, Severity
from domino_health.profile.logs import shipped


def fault(lines: int = 6, id: str = "mongodb-no-server", **more: Any) -> KnownFault:
    given = {
        "severity": "medium",
        "cause": "no server",
        "remedy": "see MongoDB",
        "sample": f"{id} ***",
        **more,
    }
    return KnownFault(id, lines, **given)


def log(*faults: KnownFault, pod: str = "web-1", workload: str = "web", **more: Any) -> LogCount:
    given: dict[str, Any] = {
        "cluster": "prod",
        "namespace": "domino-platform",
        "container": "web",
        "service": "front_end",
    }
    given |= {"kind": "deployment", "seconds": 900, "read": 2048, "started_at": NOW - timedelta(hours=1)}
    return LogCount(pod=pod, workload=workload, faults=faults, **{**given, **more})


def assess(*logs: LogCount, **thresholds: int) -> Assessment:
    return platform_logs.test_logs_tell_of_no_known_fault(list(logs), NOW, **thresholds)


def found(*logs: LogCount, **thresholds: int) -> list[Finding]:
    return list(assess(*logs, **thresholds).findings)


def test_a_fault_is_told_with_count_window_cause_line_and_cure() -> None:
    (finding,) = found(log(fault(4)), log(fault(8), pod="web-2"))

    assert finding.subject == Ref("prod", "deployment", "domino-platform", "web")
    assert finding.message == (
        "front end: 12 lines in the last 15 m, of 2 pods: no server (mongodb-no-server). For example, web of "
        'web-1: "mongodb-no-server ***". See MongoDB.'
    )
    assert (finding.count, finding.severity) == (12, Severity.MEDIUM)
    assert [ref.name for ref in finding.examples] == ["web-1", "web-2"]


@pytest.mark.parametrize(("lines", "findings"), [(5, 0), (6, 1)])
def test_five_lines_are_allowed_and_no_more(lines: int, findings: int) -> None:
    assert len(found(log(fault(lines)))) == findings
    assert len(found(log(fault(lines)), allowed_lines=lines)) == 0


@pytest.mark.parametrize(("lines", "allowed", "findings"), [(1, 0, 1), (20, 20, 0), (21, 20, 1)])
def test_a_fault_has_the_last_word_on_what_is_allowed(lines: int, allowed: int, findings: int) -> None:
    assert len(found(log(fault(lines, allowed=allowed)))) == findings


def test_lines_of_all_containers_of_a_workload_count_together() -> None:
    three = [log(fault(3)), log(fault(3), container="istio-proxy"), log(fault(3), workload="other")]

    (finding,) = found(*three)

    assert finding.message.startswith(
        "front end: 6 lines in the last 15 m, of 1 pod: no server (mongodb-no-server)."
    )


def test_a_log_that_was_cut_has_at_least_as_many() -> None:
    (finding,) = found(log(fault(7), cut=True))

    assert finding.message.startswith("front end: at least 7 lines in the last 15 m, of 1 pod: ")


@pytest.mark.parametrize(("minutes", "findings"), [(14, 0), (15, 1)])
def test_what_is_usual_at_the_start_counts_only_in_a_container_that_is_older_than_the_window(
    minutes: int, findings: int
) -> None:
    started = NOW - timedelta(minutes=minutes)
    usual = log(fault(usual_at_start=True), started_at=started)

    assert len(found(usual)) == findings
    assert len(found(log(fault(), started_at=started))) == 1
    assert len(found(log(fault(usual_at_start=True), started_at=None))) == 1


def test_two_faults_of_a_service_are_two_findings_each_of_its_own_severity() -> None:
    findings = found(log(fault(), fault(9, "connection-refused", severity="low", remedy="", sample="")))

    assert [finding.severity for finding in findings] == [Severity.MEDIUM, Severity.LOW]
    assert findings[1].message == (
        "front end: 9 lines in the last 15 m, of 1 pod: no server (connection-refused)."
    )


def test_two_clusters_are_two_subjects() -> None:
    findings = found(log(fault(3)), log(fault(3), cluster="dr"))
    other = found(log(fault()), log(fault(), cluster="dr"))

    assert findings == []
    assert [finding.subject.cluster for finding in other] == ["prod", "dr"]


def test_a_healthy_log_is_assessed_and_stands_in_the_table() -> None:
    assessment = assess(log(), log(fault(2), workload="api", cut=True))

    assert (len(assessment.population), assessment.findings, assessment.unseen) == (2, (), ())
    assert (assessment.window, assessment.worst) == ("logs of the last 15 m", "2 lines of known faults")
    (table,) = assessment.attachments
    assert table.rows == (
        ("front end", "prod: deployment/domino-platform/api", "1", "2.0 KiB, cut", "mongodb-no-server 2"),
        ("front end", "prod: deployment/domino-platform/web", "1", "2.0 KiB", "none"),
    )


def test_a_workload_none_of_whose_logs_could_be_read_is_unseen() -> None:
    silent = [log(workload=f"w{number}", problem="dial tcp: refused") for number in range(5)]
    partly = [log(workload="api"), log(workload="api", pod="api-2", problem="dial tcp: refused")]

    assessment = assess(*silent, *partly)

    assert len(assessment.population) == 1
    (unseen,) = assessment.unseen
    assert unseen.target == (
        "prod: logs of deployment/domino-platform/w0, deployment/domino-platform/w1, "
        "deployment/domino-platform/w2 and 2 more"
    )
    assert unseen.reason == "dial tcp: refused"


def test_every_shipped_signature_has_its_section_in_the_runbook() -> None:
    runbook = (Path(__file__).resolve().parents[1] / "docs" / "runbooks" / "DOM-004.md").read_text()

    assert re.findall(r"^### (.+)$", runbook, re.MULTILINE) == [each.id for each in shipped()]


def test_nothing_read_is_nothing_assessed() -> None:
    assessment = assess()

    assert (len(assessment.population), assessment.window, assessment.attachments) == (0, "", ())
