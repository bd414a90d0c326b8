"""DOM-002 against a real control plane, with what an operator of Helm releases says there.

No such operator runs there: its kind is installed as a CustomResourceDefinition, and what it says of a
release is *patched*. The group of Domino's own is not published; ``releases.example.com`` stands for it,
which nobody knows before the API server is asked. Flux' is its real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import domino_cluster as domino
from control_plane import ControlPlane
from drills import look, of
from health_account import granted, rights, rules
from kube_client import Object, eventually
from objects import served

DOMINOS, FLUX = ("releases.example.com", "v1alpha1"), ("helm.toolkit.fluxcd.io", "v2")


@contextmanager
def operator(plane: ControlPlane, group: str, version: str) -> Iterator[None]:
    """A cluster that has HelmReleases of this group; none of them stays."""
    with served(plane, "HelmRelease", group, version):
        eventually(lambda: group in str(plane.get("/apis")), what=f"{group} among the API groups")
        yield


def release(plane: ControlPlane, api: tuple[str, str], name: str, condition: Object) -> None:
    """Make a release of the platform, of which this is said."""
    obj = domino.new("/".join(api), "HelmRelease", name, domino.PLATFORM)
    plane.create({**obj, "spec": {"interval": "5m", "values": {"password": "hunter2-hunter2"}}})
    condition = {"status": "True", "lastTransitionTime": "2026-11-24T03:00:00Z", **condition}
    plane.patch_status(obj, {"conditions": [condition]})


def said(plane: ControlPlane, folder: Path) -> dict[str, str]:
    """What DOM-002 says of each subject, where nothing else is found and nothing secret told."""
    run = look(plane, folder)
    assert run.found().keys() == {"DOM-002"}, run.found()
    everything = b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in everything
    return {
        each["subject"]["name"]: f"{each['severity']}: {each['message']}"
        for each in run.result("DOM-002")["findings"]
    }


def test_a_service_that_is_gone_is_told_by_its_release_whatever_group_that_is_of(
    platform: ControlPlane, tmp_path: Path
) -> None:
    drifted = {"type": "Stalled", "reason": "DriftDetected", "message": "StatefulSet keycloakv17 was deleted"}
    with operator(platform, *DOMINOS):
        release(platform, DOMINOS, "keycloakv17", drifted)
        # With its Service, as a release is: one that selects nothing for long is PROBE-005's.
        gone = domino.port("keycloak-http"), of("keycloakv17")
        for each in gone:
            platform.delete(each)
        try:
            found = said(platform, tmp_path)
        finally:
            for each in gone:
                platform.create(each)
            domino.settle(platform)

    assert found == {
        "keycloak": (
            "high: Keycloak: it has no workload; its Helm release helmrelease/domino-platform/keycloakv17 is "
            "stalled (DriftDetected): StatefulSet keycloakv17 was deleted"
        )
    }


def test_a_service_that_is_down_is_told_with_the_words_of_the_release_that_helm_has_written_on_it(
    platform: ControlPlane, tmp_path: Path
) -> None:
    failed = {"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "timed out"}
    vault = of("vault")
    scaled = {**vault, "spec": {**vault["spec"], "replicas": 0}}
    notes = {"meta.helm.sh/release-name": "secrets", "meta.helm.sh/release-namespace": domino.PLATFORM}
    scaled["metadata"] = {**vault["metadata"], "annotations": notes}
    with operator(platform, *FLUX):
        release(platform, FLUX, "secrets", failed)
        platform.delete(vault)
        platform.create(scaled)
        try:
            found = said(platform, tmp_path)
        finally:
            platform.delete(scaled)
            platform.create(vault)
            domino.settle(platform)

    assert found == {
        "vault": (
            "low: vault: scaled to nothing; its Helm release helmrelease/domino-platform/secrets is "
            "not ready (UpgradeFailed): timed out"
        )
    }


def test_a_service_that_is_gone_while_its_release_is_well_is_not_known_to_be_well(
    platform: ControlPlane, tmp_path: Path
) -> None:
    with operator(platform, *FLUX):
        release(platform, FLUX, "vault", {"type": "Ready", "reason": "InSync", "message": "as it should be"})
        platform.delete(of("vault"))
        try:
            run = look(platform, tmp_path)
        finally:
            platform.create(of("vault"))
            domino.settle(platform)

    result = run.result("DOM-002")
    assert run.found() == {}
    assert result["state"] == "unknown"
    assert (
        "its Helm release helmrelease/domino-platform/vault is there (ready)" in result["unseen"][0]["reason"]
    )


def test_the_right_to_one_group_is_enough_and_no_right_is_told_by_that_groups_rule(
    platform: ControlPlane, tmp_path: Path
) -> None:
    others = [each for each in rights() if each.resource != "helmreleases"]
    rule = {"apiGroups": [DOMINOS[0]], "resources": ["helmreleases"], "verbs": ["list"]}
    with operator(platform, *DOMINOS):
        with granted(platform, "nobody", rules(others)):
            denied = look(platform, tmp_path, user="nobody")
        with granted(platform, "nobody", [*rules(others), rule]):
            enough = look(platform, tmp_path, user="nobody")

    (unseen,) = (each for each in denied.verdict["unseen"] if each["fact"] == "helm_releases")
    assert f'apiGroups: ["{DOMINOS[0]}"], resources: ["helmreleases"]' in unseen["cure"]
    assert denied.result("DOM-002")["state"] == "passed", "releases explain, and decide nothing"
    assert [each for each in enough.verdict["unseen"] if each["fact"] == "helm_releases"] == []
    assert "rights that are missing" not in enough.output
