"""The demo, as a newcomer runs it: ``pytest --profile demo``, in a directory that is not the clone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from domino_health import lab
from domino_health.plugin.suite import known_checks
from health_run import HealthRun

KNOWN = len(known_checks())
PROFILES = Path(__file__).resolve().parents[1] / "profiles"


def run_demo(directory: Path, profile: str) -> HealthRun:
    """Run a shipped profile by its name; what the run puts into the temporary directory is in ``tmp``."""
    (directory / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--profile", profile],
        cwd=directory,
        env={**os.environ, "TMPDIR": str(directory / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return HealthRun(done.returncode, done.stdout, directory / "reports" / profile / "latest")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> HealthRun:
    return run_demo(tmp_path_factory.mktemp("faulty"), "demo")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> HealthRun:
    return run_demo(tmp_path_factory.mktemp("healthy"), "demo-healthy")


def findings(run: HealthRun, check: str) -> dict[str, dict[str, Any]]:
    """A check's findings by their subject."""
    return dict(zip(run.subjects(check), run.result(check)["findings"], strict=True))


def test_the_demo_is_red(faulty: HealthRun) -> None:
    assert faulty.exit_status == 1, faulty.output
    assert faulty.verdict["verdict"] == "closed"
    assert faulty.verdict["exit_status"] == 1
    assert faulty.verdict["checks"]["known"] == KNOWN
    assert faulty.verdict["checks"]["states"]["failed"] >= 2
    assert faulty.verdict["unseen"] != []
    assert re.search(rf"gate default CLOSED \(exit 1\), rests on \d+ of {KNOWN} checks", faulty.output)


def test_the_demo_shows_each_reason_why_a_pod_gets_no_node(faulty: HealthRun) -> None:
    result, found = faulty.result("SCHED-001"), findings(faulty, "SCHED-001")

    assert result["population"] > 40
    assert re.fullmatch(r"longest wait 55 m( \d+ s)? of 10 m", result["worst"])
    assert len(found) == 3
    (too_large,) = (finding for subject, finding in found.items() if "tier=large-k8s" in subject)
    (untolerating,) = (finding for subject, finding in found.items() if "tier=gpu-small-k8s" in subject)
    (typo,) = (finding for subject, finding in found.items() if subject.startswith("deployment/"))
    assert (too_large["count"], untolerating["count"], typo["count"]) == (3, 1, 2)
    assert "Insufficient cpu" in too_large["message"]
    assert "allowed 30 m" in untolerating["message"]
    assert "untolerated taint" in untolerating["message"]
    assert "node-pool=defualt" in typo["message"]


def test_the_demo_shows_each_reason_why_nobody_can_log_in(faulty: HealthRun) -> None:
    result, found = faulty.result("IDP-001"), findings(faulty, "IDP-001")

    assert result["population"] == 6
    assert {subject: (finding["severity"]) for subject, finding in found.items()} == {
        "endpoint/corporate idp": "medium",
        "endpoint/git server": "high",
        "endpoint/image registry": "high",
        "endpoint/ldap directory": "critical",
        "endpoint/remote data plane": "high",
    }
    assert "expires in 20 d, " in found["endpoint/corporate idp"]["message"]
    assert "expired 3 d ago" in found["endpoint/ldap directory"]["message"]


def test_the_healthy_demo_is_green(healthy: HealthRun) -> None:
    assert healthy.exit_status == 0, healthy.output
    assert healthy.verdict["verdict"] == "open"
    assert healthy.verdict["checks"]["states"] == {
        "passed": KNOWN - 3,
        "skipped": 3,
    }
    assert healthy.result("IDP-009")["reason"] == "nothing to assess"
    assert healthy.result("WORK-001")["worst"] == "p95 1 m 26 s of 5 m"
    assert healthy.result("IDP-008")["population"] == 2
    assert healthy.result("DOM-004")["worst"] == "0 lines of known faults"
    assert healthy.result("IMG-008")["worst"].startswith("0 fixable critical of 0 in an image; ")
    assert healthy.result("SCHED-010")["reason"].startswith("no autoscaler: ")
    assert re.match(r"p95 \d s of 5 m", healthy.result("SCHED-007")["worst"])
    assert healthy.result("IMG-009")["population"] == 1
    assert healthy.result("WORK-003")["population"] == 1
    assert "metrics-server is not installed" in healthy.result("CAP-005")["reason"]
    assert healthy.verdict["unseen"] == []
    assert healthy.result("SCHED-001")["population"] > 30
    assert healthy.result("SCHED-001")["worst"] == "no pod waits"
    assert healthy.result("IDP-001")["population"] == 6
    assert healthy.result("IDP-001")["worst"].startswith("the first certificate expires in 300 d")


def test_the_demo_shows_every_kind_of_outcome_side_by_side(faulty: HealthRun) -> None:
    states = {
        id: faulty.result(id)["state"]
        for id in ("SCHED-001", "IDP-001", "IDP-009", "CAP-001", "DOM-002", "SCHED-003")
    }

    assert states == {
        "SCHED-001": "failed",
        "IDP-001": "failed",
        "IDP-009": "unknown",
        "CAP-001": "warned",
        "DOM-002": "waived",
        "SCHED-003": "passed",
    }


def test_the_demo_has_a_fault_for_most_checks(faulty: HealthRun) -> None:
    """Those that find none are here, so that a new check comes with its fault, or with its reason."""
    without = {
        id for id in known_checks() if not (faulty.result(id)["findings"] or faulty.result(id)["waived"])
    }

    assert without == {
        # Nothing of a node can be at fault for long: its controllers mend it, or take its pods away.
        *("SCHED-002", "SCHED-003", "SCHED-004", "SCHED-005", "SCHED-006", "CAP-004", "CAP-007"),
        # No container runs, and nothing probes.
        *("SCHED-008", "PROBE-001", "PROBE-002", "PROBE-003", "PROBE-004", "CAP-006", "CAP-008"),
        # There is none: no quota, no metrics, no autoscaler, no webhook that may be seen, no old volume.
        *("CAP-002", "CAP-005", "SCHED-010", "IDP-009", "STOR-009"),
        # Too few executions to be sure.
        "SCHED-007",
    }


def test_the_demo_shows_what_dominos_operators_cannot_do(faulty: HealthRun) -> None:
    (build,) = findings(faulty, "IMG-009").values()
    (cluster,) = findings(faulty, "WORK-003").values()

    assert build["severity"] == cluster["severity"] == "medium"
    assert "a registry refuses" in build["message"]
    assert re.search(r"it has no pod 55 m( \d+ s)? after it was made: is \S+ running\?", cluster["message"])


def test_the_demo_may_not_list_webhooks_and_says_which_rule_would_help(faulty: HealthRun) -> None:
    (unseen,) = faulty.result("IDP-009")["unseen"]

    assert "403 validatingwebhookconfigurations.admissionregistration.k8s.io is forbidden" in unseen["reason"]
    assert (
        '{apiGroups: ["admissionregistration.k8s.io"], resources: ["validatingwebhookconfigurations"], '
        'verbs: ["list"]} (in a ClusterRole)' in unseen["cure"]
    )


def test_the_demo_tells_of_a_slow_image_in_three_places(faulty: HealthRun) -> None:
    slow = [each for each in faulty.result("WORK-001")["findings"] if "pulling images" in each["message"]]

    assert len(slow) == 1
    assert "The longest pull took 10 m 38 s: docker-registry:5000/dominodatalab/" in slow[0]["message"]
    assert slow[0]["subject"] in [each["subject"] for each in faulty.result("IMG-001")["findings"]]
    assert slow[0]["subject"] in [each["subject"] for each in faulty.result("IMG-002")["findings"]]


def test_the_demo_shows_what_a_log_a_secret_and_a_scan_tell(faulty: HealthRun) -> None:
    (secret,) = findings(faulty, "IDP-008").values()
    logs = {each["message"].partition(":")[0] for each in faulty.result("DOM-004")["findings"]}
    scanned = faulty.result("IMG-008")

    assert "was not issued by its ca.crt" in secret["message"]
    assert logs == {"Keycloak", "dispatcher"}
    assert all("CVE-2021-44228" in each["message"] for each in scanned["findings"])
    assert "alpine:3.20: no vulnerability report" in scanned["unseen"][0]["reason"]


def test_the_demo_shows_what_a_login_rests_on(faulty: HealthRun) -> None:
    (old,) = faulty.result("IDP-002")["findings"]
    (document,) = faulty.result("IDP-003")["findings"]
    (untold,) = faulty.result("IDP-004")["findings"]
    (unmapped,) = faulty.result("IDP-005")["findings"]
    (lifetime,) = faulty.result("IDP-006")["findings"]
    (directory,) = faulty.result("IDP-007")["findings"]
    (key,) = faulty.result("IDP-010")["findings"]

    (login,) = faulty.result("IDP-011")["findings"]

    assert "the response has no surname, which is to fill lastName" in login["message"]
    assert "idp.demo.internal old" in old["message"]
    assert "its metadata expires in 9 h 59 m" in document["message"]
    assert "it does not trust CN=idp.demo.internal next signing" in untold["message"]
    assert "no mapper fills domino-groups" in unmapped["message"]
    assert "an access token lasts 1 h, and idle sessions 30 m" in lifetime["message"]
    assert "expired 3 d ago" in directory["message"]
    assert "CN=DominoRealm signing of its signing key expires in 25 d" in key["message"]
    assert faulty.result("IDP-010")["worst"].startswith("login is broken since ")


def test_the_healthy_demo_tells_what_breaks_login_first(healthy: HealthRun) -> None:
    worst = healthy.result("IDP-010")["worst"]
    (table,) = healthy.result("IDP-007")["attachments"]
    (login,) = healthy.result("IDP-011")["attachments"]

    assert login["rows"][0][1] == "response"
    assert login["rows"][0][3] == "valid CN=idp.demo.internal signing"
    assert worst.startswith("login breaks first on ")
    assert ", in 300 d: " in worst
    assert table["rows"][0][2] == "success"
    assert table["rows"][0][5:7] == ["one", "1"]


def test_the_demo_bounds_nothing_in_the_compute_namespace(faulty: HealthRun) -> None:
    found = findings(faulty, "CAP-001")

    assert list(found) == ["namespace/domino-compute"]
    assert found["namespace/domino-compute"]["severity"] == "medium"


def test_the_demo_has_accepted_that_its_registry_is_down(faulty: HealthRun) -> None:
    result = faulty.result("DOM-002")

    assert result["findings"] == []
    assert result["population"] == 8
    (waived,) = result["waived"]
    subject = waived["finding"]["subject"]
    assert (subject["kind"], subject["name"]) == ("statefulset", "docker-registry")
    assert waived["finding"]["severity"] == "high"
    assert waived["finding"]["message"] == "image registry: 0 of 1 replica ready"
    assert waived["waiver"]["expires"] == "2099-12-31"


@pytest.mark.parametrize("kind", lab.KINDS)
def test_a_demo_leaves_nothing_behind_and_says_that_it_is_one(
    request: pytest.FixtureRequest, kind: str
) -> None:
    run: HealthRun = request.getfixturevalue(kind)

    assert list((run.folder.parents[2] / "tmp").iterdir()) == []
    assert "Traceback" not in run.output
    assert "It is a fake." in (run.folder / "report.html").read_text()
    assert "${LAB_KUBECONFIG}" in (run.folder / "profile.yaml").read_text()


def test_the_demos_clock_is_the_labs(faulty: HealthRun) -> None:
    assert faulty.verdict["clock"] == {"source": "cluster demo", "skew_seconds": 0}


def test_the_two_profiles_differ_in_the_lab_and_a_waiver_alone() -> None:
    faulty, healthy = (
        yaml.safe_load((PROFILES / name).read_text()) for name in ("demo.yaml", "demo-healthy.yaml")
    )
    (waiver,) = faulty.pop("waivers")

    assert (faulty.pop("lab"), healthy.pop("lab")) == lab.KINDS
    assert faulty.pop("description") != healthy.pop("description")
    assert faulty == healthy
    assert waiver["check"] == "DOM-002"


def test_the_profiles_use_all_that_the_lab_has() -> None:
    platform = lab.start("healthy")
    variables = platform.variables.keys()
    platform.stop()

    text = json.dumps(yaml.safe_load((PROFILES / "demo.yaml").read_text()), default=str)
    assert {name for name in variables if f"${{{name}}}" in text} == variables


def test_the_demo_says_where_the_runbooks_are_and_has_them_in_its_page(faulty: HealthRun) -> None:
    named = re.findall(r"^  Runbook: (.+)$", faulty.output, re.MULTILINE)

    # pytest's own summary repeats a failure where CI is set.
    assert {Path(path).name for path in named} >= {"IDP-001.md", "SCHED-001.md"}
    assert all(Path(path).is_file() for path in named)
    assert "kubectl -n domino-compute describe pod POD" in (faulty.folder / "report.html").read_text()
