"""IDP-009 against a real control plane: webhooks and an APIService of a group that is made up."""

from __future__ import annotations

import base64
from pathlib import Path

import domino_cluster as domino
from certificates import Issued, authority, days
from control_plane import ControlPlane
from drills import look
from kube_client import Object
from objects import made

GROUP = "drill.example.com"
SERVICE = {"namespace": domino.PLATFORM, "name": "drill-webhook"}


def bundle(*authorities: Issued) -> str:
    return base64.b64encode(b"".join(each.pem for each in authorities)).decode()


def webhooks(name: str, ca: str, policy: str = "Fail") -> Object:
    """A configuration that looks at objects of a group that nobody serves."""
    made = domino.new("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", name)
    rule = {"apiGroups": [GROUP], "apiVersions": ["v1"], "resources": ["drills"], "operations": ["CREATE"]}
    hook: Object = {"name": f"first.{GROUP}", "rules": [rule], "failurePolicy": policy, "sideEffects": "None"}
    hook |= {"admissionReviewVersions": ["v1"], "clientConfig": {"service": SERVICE, "caBundle": ca}}
    return {**made, "webhooks": [hook]}


def api(ca: str) -> Object:
    made = domino.new("apiregistration.k8s.io/v1", "APIService", f"v1.{GROUP}")
    spec = {"group": GROUP, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100}
    return {**made, "spec": {**spec, "service": SERVICE, "caBundle": ca}}


def test_a_webhook_whose_ca_ends_is_found(platform: ControlPlane, tmp_path: Path) -> None:
    root = authority("drill root")
    ended = root.issue("old CA", ca=True, not_before=days(-9), not_after=days(-3))
    soon = root.issue("new CA", ca=True, not_after=days(20))
    with (
        made(platform, webhooks("drill-ended", bundle(ended))),
        made(platform, webhooks("drill-ignored", bundle(ended), "Ignore")),
        made(platform, webhooks("drill-renewed", bundle(ended, root))),
        made(platform, api(bundle(soon))),
    ):
        run = look(platform, tmp_path)

    assert run.found() == {
        "IDP-009": [
            f"apiservice/v1.{GROUP}",
            "mutatingwebhookconfiguration/drill-ended",
            "mutatingwebhookconfiguration/drill-ignored",
        ]
    }
    assert run.exit_status == 1, "no pod could be made"
    said = {each["subject"]["name"]: each for each in run.result("IDP-009")["findings"]}
    assert {name: each["severity"] for name, each in said.items()} == {
        f"v1.{GROUP}": "medium",
        "drill-ended": "critical",
        "drill-ignored": "low",
    }
    assert said["drill-ended"]["message"].startswith(
        "the certificate of CN=old CA in its caBundle expired 3 d ago"
    )
    assert said["drill-ended"]["message"].endswith(
        f"It calls {domino.PLATFORM}/drill-webhook for first.{GROUP}"
    )


def test_where_nothing_is_trusted_there_is_nothing_to_assess(platform: ControlPlane, tmp_path: Path) -> None:
    assert look(platform, tmp_path).result("IDP-009")["state"] == "skipped"
