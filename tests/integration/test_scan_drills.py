"""IMG-008 against a real control plane: reports of scanners in files, and as Trivy operator's objects.

No scanner runs there: the reports are written by hand, in the shape that Trivy, Grype and Trivy operator
give them. The operator's kind is a CustomResourceDefinition that keeps all that is given to it. KWOK's
kubelet pulls nothing and so tells no digest: where one matters it is *patched* into the pods' status.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import domino_cluster as domino
from control_plane import ControlPlane
from drills import look
from health_run import HealthRun
from kube_client import Objects
from objects import served
from scan_builders import grype, operator_report, trivy

GROUP = "aquasecurity.github.io"
REPORTS = f"/apis/{GROUP}/v1alpha1/vulnerabilityreports"
PODS = f"/api/v1/namespaces/{domino.COMPUTE}/pods"
ENVIRONMENT = domino.hex_id("standard-environment")
OF_ENVIRONMENT = f"docker-registry:5000/dominodatalab/environment:{ENVIRONMENT}-3"
MODEL = domino.hex_id(domino.MODEL)
OF_MODEL = f"docker-registry:5000/dominodatalab/model:{MODEL}-3"
DIGEST, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
FIXABLE = ("CVE-2026-1", "CRITICAL", "2.0")
UNFIXABLE = ("CVE-2026-2", "CRITICAL", "")


@pytest.fixture
def operator(platform: ControlPlane) -> Iterator[ControlPlane]:
    """A cluster that has Trivy operator's kind of reports; none of it stays."""
    with served(platform, "VulnerabilityReport", GROUP, "v1alpha1"):
        yield platform


@contextlib.contextmanager
def pulled(plane: ControlPlane, image: str, digest: str) -> Iterator[None]:
    """The pods that run an image tell its digest, as a kubelet does that has pulled it."""
    pods = [each for each in plane.list(PODS) if image in str(each["spec"]["containers"])]
    assert pods, image
    repository = image.rpartition(":")[0]

    def tell(pods: Objects, image_id: str) -> None:
        for pod in pods:
            statuses = [
                {**each, "imageID": image_id if each["name"] == "run" else each["imageID"]}
                for each in pod["status"].get("containerStatuses", ())
            ]
            plane.patch_status({"apiVersion": "v1", "kind": "Pod", **pod}, {"containerStatuses": statuses})

    tell(pods, f"{repository}@{digest}")
    try:
        yield
    finally:
        tell(pods, "")


def ago(days: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)


def reading(*paths: Path) -> str:
    return f"scans: {{reports: [{', '.join(map(str, paths))}]}}\n"


def messages(run: HealthRun) -> dict[str, str]:
    return {
        each["subject"]["name"]: f"{each['severity']}: {each['message']}"
        for each in run.result("IMG-008")["findings"]
    }


# Files


def test_without_the_section_the_check_is_skipped_and_says_so(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path)

    assert run.result("IMG-008")["state"] == "skipped"
    assert "scans" in run.result("IMG-008")["reason"]


def test_images_with_recent_reports_are_healthy(platform: ControlPlane, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "environment.json").write_text(trivy(UNFIXABLE, image=OF_ENVIRONMENT, made=ago(2)))
    (folder / "model.json").write_text(grype(("CVE-2026-3", "High", "fixed"), image=OF_MODEL, made=ago(3)))

    run = look(platform, tmp_path, reading(folder))

    assert run.exit_status == 0, run.output
    assert run.found() == {}
    result = run.result("IMG-008")
    assert (result["state"], result["population"]) == ("passed", 2)
    assert result["worst"].startswith("0 fixable critical of 0 in an image; oldest report 3 d")


def test_fixable_criticals_and_old_reports_are_found_by_their_environment(
    platform: ControlPlane, tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "environment.json").write_text(trivy(FIXABLE, UNFIXABLE, image=OF_ENVIRONMENT, made=ago(2)))
    (folder / "model.json").write_text(grype(image=OF_MODEL, made=ago(45)))

    run = look(platform, tmp_path, reading(folder))

    assert run.exit_status == 0, "medium at most"
    assert run.found() == {"IMG-008": [f"environment/{ENVIRONMENT}", f"model/{MODEL}"]}
    said = messages(run)
    assert said[ENVIRONMENT].startswith(
        f"medium: image {OF_ENVIRONMENT}: 1 critical with a fix, allowed 0: CVE-2026-1. By Trivy, 2 d"
    )
    assert said[ENVIRONMENT].endswith(", by its name and tag alone, for its digest is not known to both")
    assert said[MODEL].startswith(f"low: image {OF_MODEL}: its report is 45 d")


def test_what_has_no_report_and_what_is_none_could_not_be_looked_at(
    platform: ControlPlane, tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "environment.json").write_text(trivy(image=OF_ENVIRONMENT, made=ago(2)))
    (folder / "broken.json").write_text("<html>sign in</html>")

    run = look(platform, tmp_path, reading(folder, tmp_path / "none"))

    result = run.result("IMG-008")
    assert (result["state"], result["population"]) == ("unknown", 1)
    reasons = {each["target"]: each["reason"] for each in result["unseen"]}
    assert reasons[str(folder)].startswith(
        f"{folder}: 1 of 2 files are not read: no report of Trivy or Grype"
    )
    assert reasons[str(tmp_path / "none")].endswith("no such file or directory")
    assert reasons[f"drill: model/{MODEL}"] == f"image {OF_MODEL}: no vulnerability report"
    assert run.found() == {}


# Trivy operator


def test_an_operator_that_must_be_there_and_is_not_is_told(platform: ControlPlane, tmp_path: Path) -> None:
    run = look(platform, tmp_path, "scans: {operator: true}\n")

    result = run.result("IMG-008")
    assert result["state"] == "unknown"
    assert "Trivy operator is not installed" in str(result["unseen"])


def test_an_account_without_rights_gets_no_pass_and_is_told_the_rule(
    operator: ControlPlane, tmp_path: Path
) -> None:
    run = look(operator, tmp_path, "scans: {operator: true}\n", user="nobody")

    result = run.result("IMG-008")
    assert result["state"] == "unknown"
    (cure,) = (each["cure"] for each in result["unseen"] if each["fact"] == "scan_reports")
    assert f'{{apiGroups: ["{GROUP}"], resources: ["vulnerabilityreports"], verbs: ["list"]}}' in cure


def test_reports_of_the_operator_are_matched_by_digest(operator: ControlPlane, tmp_path: Path) -> None:
    """*Patched*: the digests that a kubelet tells."""
    reports = (
        operator_report("environment", FIXABLE, image=OF_ENVIRONMENT, digest=DIGEST, made=ago(1)),
        operator_report("of-old-tag", FIXABLE, image=OF_MODEL, digest=DIGEST, made=ago(0)),
        operator_report("model", UNFIXABLE, image=OF_MODEL, digest=OTHER, made=ago(1)),
    )
    for each in reports:
        operator.create(each)
    with pulled(operator, OF_ENVIRONMENT, DIGEST), pulled(operator, OF_MODEL, OTHER):
        run = look(operator, tmp_path, "scans: {operator: true}\n")

    assert run.found() == {"IMG-008": [f"environment/{ENVIRONMENT}"]}
    assert run.result("IMG-008")["population"] == 2
    said = messages(run)[ENVIRONMENT]
    assert said.startswith(f"medium: image {OF_ENVIRONMENT} (sha256:111111111111): 1 critical with a fix")
    assert "vulnerabilityreport/domino-compute/" in said
    assert "by its name" not in said
