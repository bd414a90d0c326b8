"""A small Domino platform on loopback, for the demo and the tests. Everything in it is a fake, and says so.

Its Kubernetes API gives recorded answers of a real API server (``kube_api``, ``recording``), its TLS
endpoints are real ones with certificates made at start (``tls``), people log in by a fake identity provider,
Keycloak and directory (``identity``), its logs, Secrets and vulnerability reports
are written for it (``contents``). Collectors look at it as they look at any platform: nothing in the engine
knows that it is not one.
"""

import json
import secrets
import tempfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domino_health.facts.images import image_subject
from domino_health.lab import contents, identity, kube_api, recording, tls
from domino_health.lab.certificates import Authority
from domino_health.lab.recording import Recording, RecordingError
from domino_health.lab.serving import TlsServer

KINDS = ("faulty", "healthy")
"""What a profile's ``lab`` may ask for. Both are the same platform; faults are all that differs."""

DENIED = {
    "faulty": ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",),
    "healthy": (),
}
"""Paths of lists that its Kubernetes API refuses to ``USER``: that one may not look is a fault as well."""

__all__ = ["DENIED", "KINDS", "USER", "Platform", "RecordingError", "start"]

USER = "health-reader"
"""Whom the lab's Kubernetes API calls the owner of its token, in a refusal."""


@dataclass(frozen=True)
class Platform:
    """A running lab."""

    variables: Mapping[str, str]
    """What a profile names as ``${LAB_…}``: addresses (``127.0.0.1:port``) and paths of files."""
    _resources: ExitStack

    def stop(self) -> None:
        """End every thread and connection and remove every file. A second call does nothing."""
        self._resources.close()


def start(kind: str, *, denied: Collection[str] | None = None) -> Platform:
    """Start the lab: on 127.0.0.1 alone, on free ports, in daemon threads and a folder of its own.

    Args:
        kind: one of ``KINDS``.
        denied: paths of lists (``/api/v1/pods``) that its Kubernetes API refuses to ``USER``, for tests
            of what the suite says when it may not look; by default those of ``DENIED``.

    Raises:
        ValueError: there is no such kind.
        RecordingError: the recording that the lab plays is damaged.
        OSError: no port or no temporary folder could be had.
    """
    if kind not in KINDS:
        raise ValueError(f"no lab is called {kind!r}; there are {' and '.join(KINDS)}")
    now = datetime.now(UTC)
    with ExitStack() as stack:
        # Only its owner may enter (mode 0700): keys and a token lie in it.
        # A folder that cannot be removed is no reason for another exit status than the verdict's.
        temporary = tempfile.TemporaryDirectory(prefix="domino-health-lab-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        authority = Authority(folder, now)
        token = secrets.token_urlsafe()
        played, faulty = recording.shipped(kind), kind == "faulty"
        api = kube_api.KubeApi(
            played,
            now,
            token,
            user=USER,
            denied=DENIED[kind] if denied is None else denied,
            objects=contents.secrets(folder, now, faulty=faulty),
            logs=lambda pod: contents.log(pod, now, faulty=faulty),
        )
        people = identity.prepare(folder, now, faulty=faulty)
        context = authority.context("127.0.0.1")
        server = stack.enter_context(TlsServer("lab: Kubernetes API", context, api.answer, api.review))
        variables = {
            "LAB_CA_FILE": str(authority.file),
            "LAB_KUBECONFIG": str(_kubeconfig(folder, server.address, authority.file, token)),
            "LAB_SCANS": str(contents.scan(folder, _built(played), now, faulty=faulty)),
            **people.variables,
            **tls.serve(stack, authority, faulty=faulty, speakers=people.speakers),
        }
        return Platform(variables, stack.pop_all())


def _built(played: Recording) -> list[str]:
    """The images of users' work: environments and models."""
    pods = played.lists["/api/v1/pods"].items
    images = {each["image"] for pod in pods for each in pod["spec"]["containers"]}
    return sorted(image for image in images if image_subject("", image).kind != "repository")


def _kubeconfig(folder: Path, address: str, ca_file: Path, token: str) -> Path:
    cluster = {"server": f"https://{address}", "certificate-authority": str(ca_file)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "demo", "cluster": cluster}],
        "users": [{"name": USER, "user": {"token": token}}],
        "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": USER}}],
        "current-context": "demo",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content, indent=2))  # JSON is YAML
    return path
