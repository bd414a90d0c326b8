"""``--init-profile`` against a real control plane, and then a run by the profile as it was written."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

import domino_cluster as domino
from control_plane import ControlPlane
from kube_client import Object, eventually

RIGHTS = "rbac.authorization.k8s.io/v1"
LIST_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
GET_NAMESPACES = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}
LIST_REST = [
    {
        "apiGroups": [""],
        "resources": ["events", "limitranges", "persistentvolumeclaims", "resourcequotas", "services"],
        "verbs": ["list"],
    },
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list"]},
    {"apiGroups": ["*"], "resources": ["helmreleases"], "verbs": ["list"]},
    {"apiGroups": ["hephaestus.dominodatalab.com"], "resources": ["imagebuilds"], "verbs": ["list"]},
    {
        "apiGroups": ["distributed-compute.dominodatalab.com"],
        "resources": ["daskclusters", "mpiclusters", "rayclusters", "sparkclusters"],
        "verbs": ["list"],
    },
    {"apiGroups": ["apps"], "resources": ["daemonsets", "deployments", "statefulsets"], "verbs": ["list"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
]
READER = "health-reader"


@dataclass(frozen=True)
class Begun:
    """What came of ``--init-profile``, and of a run by what it wrote."""

    said: str
    text: str
    """Of the profile."""
    status: int
    """Of the run."""
    output: str
    verdict: dict[str, Any]

    @property
    def profile(self) -> dict[str, Any]:
        """As YAML reads it."""
        read: dict[str, Any] = yaml.safe_load(self.text)
        return read


def pytest_of(directory: Path, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=directory,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def begin(plane: ControlPlane, user: str, directory: Path) -> Begun:
    """Begin a profile as ``user``, and run by it as it stands."""
    kubeconfig = plane.kubeconfig(user)
    init = pytest_of(directory, kubeconfig, "--init-profile", "prod")
    assert init.returncode == 0, init.stdout
    text = (directory / "profiles" / "prod.yaml").read_text(encoding="utf-8")
    assert plane.tokens[user] not in text + init.stdout
    run = pytest_of(directory, kubeconfig, "--profile", "prod")
    verdict = json.loads((directory / "reports" / "prod" / "latest" / "verdict.json").read_text())
    return Begun(init.stdout, text, run.returncode, run.stdout, verdict)


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A healthy Domino behind an Ingress, whose only host is this machine's own."""
    domino.install(control_plane)
    ingress = domino.new("networking.k8s.io/v1", "Ingress", "domino", domino.PLATFORM)
    service = {"name": "nucleus-frontend", "port": {"number": 80}}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    ingress["spec"] = {"rules": [{"host": "localhost", "http": {"paths": [path]}}]}
    control_plane.create(ingress)
    yield control_plane
    control_plane.delete(ingress)


@contextlib.contextmanager
def granted(plane: ControlPlane, rules: list[Object], *namespaces: str) -> Iterator[None]:
    """Give the reader these rights, in namespaces or, without any, in the whole cluster."""
    kind = "Role" if namespaces else "ClusterRole"
    made: list[Object] = []
    for namespace in namespaces or ("",):
        role = {**domino.new(RIGHTS, kind, "first-run", namespace), "rules": rules}
        binding = domino.new(RIGHTS, f"{kind}Binding", "first-run", namespace)
        binding["roleRef"] = {"apiGroup": RIGHTS.partition("/")[0], "kind": kind, "name": "first-run"}
        binding["subjects"] = [{"kind": "User", "name": READER}]
        made += [role, binding]
    try:
        for each in made:
            plane.create(each)
        for namespace in namespaces or ("",):
            within = f"/namespaces/{namespace}" if namespace else ""
            eventually(partial(plane.get, f"/api/v1{within}/pods?limit=1", READER), what="the right")
        yield
    finally:
        for each in made:
            plane.delete(each)


def test_an_admin_gets_the_whole_platform(platform: ControlPlane, tmp_path: Path) -> None:
    begun = begin(platform, "admin", tmp_path)

    (cluster,) = begun.profile["clusters"]
    assert set(cluster) == {"name", "kubeconfig", "context"}
    assert begun.profile["tls"] == {"endpoints": ["localhost"]}
    assert begun.profile["domino"] == {
        "platform_namespace": domino.PLATFORM,
        "compute_namespaces": [domino.COMPUTE],
    }
    assert "services: front end nucleus-frontend, dispatcher nucleus-dispatcher, Keycloak keycloakv17" in (
        begun.said
    )
    version = platform.get("/version")["gitVersion"]
    assert f"{platform.url}, by context admin; Kubernetes {version}" in begun.said
    assert "by labels: platform domino-platform; compute domino-compute" in begun.said
    assert "not seen" not in begun.said, "there is no Istio, and that is nothing that was missed"
    assert begun.status in (0, 1), begun.output
    assert begun.verdict["exit_status"] == begun.status
    assert "SCHED-001 passed" in begun.output
    assert "the profile has no section tls" not in begun.output


def test_a_reader_of_pods_alone_is_told_the_rights_for_the_rest(
    platform: ControlPlane, tmp_path: Path
) -> None:
    with granted(platform, [LIST_PODS]):
        begun = begin(platform, READER, tmp_path)

    assert "namespaces" not in begun.profile["clusters"][0]
    assert "tls" not in begun.profile
    assert "by usual names: platform domino-platform; compute domino-compute" in begun.said
    comments = " ".join(line.lstrip("# ") for line in begun.text.splitlines())
    for resource, group in (("namespaces", ""), ("ingresses", "networking.k8s.io")):
        assert f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["list"]}}' in comments
    assert begun.status == 6, begun.output
    assert "SCHED-001 passed" in begun.output


@pytest.mark.parametrize("namespaces", [(domino.COMPUTE,), (domino.COMPUTE, domino.PLATFORM)])
def test_an_account_of_namespaces_alone_gets_these(
    platform: ControlPlane, tmp_path: Path, namespaces: tuple[str, ...]
) -> None:
    with granted(platform, [LIST_PODS, GET_NAMESPACES, *LIST_REST], *namespaces):
        begun = begin(platform, READER, tmp_path)

    assert begun.profile["clusters"][0]["namespaces"] == list(namespaces)
    assert begun.profile["domino"]["compute_namespaces"] == [domino.COMPUTE]
    assert f"pods may be listed in {', '.join(namespaces)} alone" in begun.said
    assert begun.status == 0, begun.output
    assert "SCHED-001 passed" in begun.output


def test_without_any_rights_the_profile_is_written_and_the_run_says_what_is_missing(
    platform: ControlPlane, tmp_path: Path
) -> None:
    begun = begin(platform, "nobody", tmp_path)

    assert "Domino's namespaces" not in begun.said
    assert "no namespace of Domino's" not in begun.said, "that is not known"
    assert begun.said.count("-> grant the account this rule: {") == 4
    assert begun.status == 6, begun.output
    assert begun.verdict["exit_status"] == 6


def test_it_only_ever_reads_and_no_secret_is_asked_for(platform: ControlPlane, tmp_path: Path) -> None:
    before = len(platform.audit("admin"))

    pytest_of(tmp_path, platform.kubeconfig("admin"), "--init-profile", "prod")

    asked = [each for each in platform.audit("admin")[before:] if each.user_agent == "domino-health"]
    assert {each.verb for each in asked} == {"get", "list"}
    assert [each.uri.partition("?")[0] for each in asked if "pods" in each.uri] == ["/api/v1/pods"]
    assert not [each.uri for each in asked if "secrets" in each.uri]


def test_a_server_that_is_down_gives_a_profile_all_the_same(platform: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        platform.kubeconfig("admin").read_text().replace(platform.url, "https://127.0.0.1:1")
    )

    init = pytest_of(tmp_path, kubeconfig, "--init-profile", "prod")
    run = pytest_of(tmp_path, kubeconfig, "--profile", "prod")

    assert init.returncode == 0, init.stdout
    assert "the API server: https://127.0.0.1:1: connection refused" in init.stdout
    assert run.returncode == 6, run.stdout
