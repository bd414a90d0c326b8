"""Each level of manifests grants what a run needs and nothing else: RBAC and the audit log say so."""

from __future__ import annotations

import base64
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

import domino_cluster as domino
from certificates import Issued, authority, days
from control_plane import AuditEntry, ControlPlane
from domino_health.collectors.cluster import REVIEWS
from domino_health.facts.rights import ANY_GROUP
from health_run import HealthRun, run_health
from kube_client import Object, Objects, eventually
from objects import served

ROOT = Path(__file__).resolve().parents[2]
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
EMPTY = "rights-empty"
"""A namespace that holds nothing but Secrets: of it every listing is empty."""
RELEASES = "helmreleases"
"""Of a group that is known when the server was asked: the right is one to all of them."""
RESOURCE = re.compile(
    r"(/api/v1|/apis/(?P<group>[^/]+)/[^/]+)(/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[^/]+)(/(?P<name>.+))?"
)
TOLD = re.compile(r"^  rights that are missing: (.*)\n((?:    - .*\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class May:
    """One thing that an account may do, or did."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str = ""


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A healthy Domino-shaped cluster with HelmReleases of some group, and an empty namespace."""
    domino.install(control_plane)
    empty = control_plane.create(domino.new("v1", "Namespace", EMPTY), exist_ok=True)
    with served(control_plane, "HelmRelease", "releases.example.com"):
        yield control_plane
    control_plane.delete(empty)


def profile(plane: ControlPlane, **keys: object) -> str:
    """Of one cluster, by a token. JSON is YAML."""
    lines = [f"    {key}: {value}" for key, value in keys.items()]
    return "\n".join(
        [
            "version: 1",
            "clusters:",
            "  - name: drill",
            f"    server: {plane.url}",
            f"    ca_file: {plane.ca_file}",
            "    token: ${DOMINO_HEALTH_TOKEN}",
            *lines,
            "",
        ]
    )


def manifests(directory: Path, text: str) -> Objects:
    """What ``pytest --rbac --profile`` prints for it."""
    (directory / "prod.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rbac", "--profile=./prod.yaml"],
        cwd=directory,
        env={**os.environ, "DOMINO_HEALTH_TOKEN": "not asked for"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    printed: Objects = list(yaml.safe_load_all(done.stdout))
    return printed


def granted(objects: Iterable[Object]) -> set[May]:
    """All that Roles grant, each resource and name by itself."""
    return {
        May(verb, group, resource, role["metadata"].get("namespace", ""), name)
        for role in objects
        for rule in role.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def used(entries: Iterable[AuditEntry]) -> set[May]:
    """All that was asked for, but for the version and the reviews, which anybody may ask."""
    found = set()
    for entry in entries:
        where = RESOURCE.fullmatch(urlsplit(entry.uri).path)
        if where is None or entry.uri == REVIEWS:
            assert entry.verb == ("create" if where else "get"), entry
            continue
        namespace, resource, name = where["namespace"] or "", where["resource"], where["name"] or ""
        if resource == "namespaces":  # of a namespace itself RBAC takes the name for both
            namespace, name = name, ""
        group = ANY_GROUP if resource == RELEASES else where["group"] or ""
        found.add(May(entry.verb, group, resource, namespace, name))
    return found


@dataclass
class Account:
    """The ServiceAccount of some manifests, with what they grant."""

    plane: ControlPlane
    objects: Objects

    @property
    def name(self) -> str:
        """As the API server calls it."""
        return f"system:serviceaccount:{self.objects[0]['metadata']['namespace']}:domino-health"

    def token(self) -> str:
        """As ``kubectl create token`` asks for one."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self.plane.request("POST", f"{self.plane.path(self.objects[0])}/token", request)
        return str(answer["status"]["token"])

    def settle(self, rights: Iterable[May], allowed: bool) -> None:
        """Wait until RBAC knows what was granted, or taken away; asked about as admin, not as itself."""
        for right in rights:
            name = right.namespace if right.resource == "namespaces" else right.name
            asked = {**vars(right), "name": name}
            eventually(
                partial(self._is_settled, asked, allowed),
                what=f"{right} {'granted' if allowed else 'taken away'}",
            )

    def _is_settled(self, asked: Object, allowed: bool) -> bool:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": self.name, "resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return self.plane.request("POST", path, review)["status"]["allowed"] is allowed

    def run(self, directory: Path, text: str) -> tuple[HealthRun, list[AuditEntry]]:
        """A run as this account, and its requests."""
        directory.mkdir(exist_ok=True)
        before = len(self.plane.audit(self.name))
        token = self.token()
        run = run_health(directory, text, DOMINO_HEALTH_TOKEN=token)
        assert token not in run.output
        for path in run.folder.rglob("*.*"):
            assert token.encode() not in path.read_bytes(), path
        return run, self.plane.audit(self.name)[before:]


@contextmanager
def applied(plane: ControlPlane, objects: Objects) -> Iterator[Account]:
    """The manifests, for as long as it takes, and without a trace of them afterwards."""
    account = Account(plane, objects)
    made: Objects = []
    try:
        made.extend(plane.create(each) for each in objects)
        account.settle(granted(objects), True)
        yield account
    finally:
        for each in reversed(made):
            plane.delete(each)
        account.settle(granted(objects), False)


def as_admin(plane: ControlPlane, directory: Path, text: str) -> HealthRun:
    directory.mkdir(exist_ok=True)
    return run_health(directory, text, DOMINO_HEALTH_TOKEN=plane.tokens["admin"])


def states(run: HealthRun) -> dict[str, int]:
    return {state: count for state, count in run.verdict["checks"]["states"].items() if count}


def told(run: HealthRun) -> dict[str, list[Object]]:
    """Where something is missing, and the rules."""
    return {where: yaml.safe_load(block) for where, block in TOLD.findall(run.output)}


def make_secret(plane: ControlPlane, name: str, own: bytes, ca: bytes = b"", key: bytes = b"none") -> Object:
    secret = domino.new("v1", "Secret", name, EMPTY)
    data = {"tls.crt": own, "tls.key": key, **({"ca.crt": ca} if ca else {})}
    secret["data"] = {name: base64.b64encode(value).decode() for name, value in data.items()}
    return plane.create(secret)


@pytest.fixture(scope="module")
def secret(platform: ControlPlane) -> Iterator[str]:
    """A TLS Secret without a fault, as the profile names it."""
    root = authority()
    made = make_secret(platform, "sound", root.issue("sound", "sound.svc").pem, root.pem)
    yield f"{EMPTY}/sound"
    platform.delete(made)


def test_the_whole_clusters_level_is_enough_and_all_of_it_is_used(
    platform: ControlPlane, tmp_path: Path, secret: str
) -> None:
    text = profile(platform, secrets=[secret])
    objects = manifests(tmp_path, text)

    with applied(platform, objects) as account:
        run, requests = account.run(tmp_path / "account", text)
    admin = as_admin(platform, tmp_path / "admin", text)

    assert run.exit_status == admin.exit_status == 0, run.output
    assert states(run) == states(admin)
    assert used(requests) == granted(objects), "no right is granted that is not used, and none is missing"
    # An autoscaler need not be installed, and is looked for.
    assert [entry for entry in requests if entry.code and entry.code >= 400 and entry.code != 404] == []
    assert told(run) == {}


def test_the_account_of_the_docs_may_look_and_nothing_else(platform: ControlPlane, tmp_path: Path) -> None:
    text = profile(platform)
    page = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    (block,) = [block for block in YAML.findall(page) if "kind: ClusterRoleBinding" in block]

    with applied(platform, list(yaml.safe_load_all(block))) as account:
        run, requests = account.run(tmp_path / "account", text)

    assert run.exit_status == 0, run.output
    written = [entry.uri for entry in requests if entry.verb not in ("get", "list")]
    assert set(written) == {REVIEWS}, "a question, of which nothing is stored"
    assert {entry.user_agent for entry in requests} == {"domino-health"}


def test_the_level_of_own_namespaces_is_enough(platform: ControlPlane, tmp_path: Path) -> None:
    text = profile(platform, namespaces=[domino.PLATFORM, domino.COMPUTE])
    objects = manifests(tmp_path, text)

    with applied(platform, objects) as account:
        run, requests = account.run(tmp_path / "account", text)
    admin = as_admin(platform, tmp_path / "admin", text)

    assert run.exit_status == admin.exit_status == 0, run.output
    assert states(run) == states(admin)
    assert used(requests) <= granted(objects)
    assert {right.resource for right in granted(objects) - used(requests)} <= {"namespaces"}, (
        "whether a namespace is there is asked only where a listing of it is empty"
    )


def test_all_of_the_level_of_own_namespaces_is_used_where_these_are_empty(
    platform: ControlPlane, tmp_path: Path, secret: str
) -> None:
    text = profile(platform, namespaces=[EMPTY, domino.SYSTEM], secrets=[secret])
    objects = manifests(tmp_path, text)

    with applied(platform, objects) as account:
        run, requests = account.run(tmp_path / "account", text)
    admin = as_admin(platform, tmp_path / "admin", text)

    assert run.exit_status == admin.exit_status, run.output
    assert states(run) == states(admin)
    assert used(requests) == granted(objects)


def test_a_run_with_one_rule_less_is_told_exactly_that_rule(
    platform: ControlPlane, tmp_path: Path, secret: str
) -> None:
    text = profile(platform, namespaces=[EMPTY], secrets=[secret])
    objects = manifests(tmp_path, text)
    each_rule = [(role, rule) for role in objects for rule in role.get("rules", ())]

    with applied(platform, objects) as account:
        for number, (role, rule) in enumerate(each_rule):
            lacking = granted([{**role, "rules": [rule]}])
            platform.apply({**role, "rules": [each for each in role["rules"] if each is not rule]})
            account.settle(lacking, False)

            run, _ = account.run(tmp_path / str(number), text)

            assert run.exit_status == 6, run.output
            assert told(run)[f"cluster drill, in a Role in namespace {EMPTY}"] == [rule]
            assert len(told(run)) == 1
            platform.apply(role)
            account.settle(lacking, True)
        run, _ = account.run(tmp_path / "again", text)

    assert told(run) == {}


def test_a_run_without_any_right_is_told_all_of_them_together(platform: ControlPlane, tmp_path: Path) -> None:
    text = profile(platform)
    account, role, *_ = objects = manifests(tmp_path, text)

    with applied(platform, [account]) as nobody:
        run, requests = nobody.run(tmp_path / "nobody", text)

    assert run.exit_status == 6, run.output
    assert told(run)["cluster drill, in a ClusterRole"] == role["rules"]
    (where,) = told(run).keys() - {"cluster drill, in a ClusterRole"}
    assert where == f"cluster drill, in a Role in each of the namespaces {domino.PLATFORM}, kube-system"
    assert used(requests) == granted(objects), "reading was tried all the same"
    assert {entry.code for entry in requests if entry.uri == REVIEWS} == {201}


def test_what_is_told_is_enough(platform: ControlPlane, tmp_path: Path) -> None:
    text = profile(platform, namespaces=[domino.PLATFORM, domino.COMPUTE])
    account, *_ = objects = manifests(tmp_path, text)
    with applied(platform, [account]) as nobody:
        run, _ = nobody.run(tmp_path / "nobody", text)
    where = f"cluster drill, in a Role in each of the namespaces {domino.COMPUTE}, {domino.PLATFORM}"
    pasted = [{**each, "rules": told(run)[where]} if "rules" in each else each for each in objects]

    with applied(platform, pasted) as granted_now:
        again, _ = granted_now.run(tmp_path / "granted", text)

    assert run.exit_status == 6
    assert again.exit_status == 0, again.output


# IDP-008


def drilled() -> dict[str, tuple[bytes, bytes, Issued]]:
    """Certificate, CA and whose key it is, by the Secret's name."""
    root, other = authority("drill root"), authority("drill root, renewed")
    over = authority("drill root that is over")
    made = {
        "well": (root.issue("well", "well.svc"), root),
        "expiring": (root.issue("expiring", "a.svc", not_after=days(5)), root),
        "warning": (root.issue("warning", "a.svc", not_after=days(20)), root),
        "expired": (root.issue("expired", "a.svc", not_before=days(-9), not_after=days(-2)), root),
        "too-early": (root.issue("too-early", "a.svc", not_before=days(2)), root),
        "wrong-ca": (root.issue("wrong-ca", "a.svc"), other),
        "root": (over, over),
    }
    return {name: (own.pem, ca.pem, own) for name, (own, ca) in made.items()}


def test_each_fault_of_a_tls_secret_is_found_and_no_key_is_kept(
    platform: ControlPlane, tmp_path: Path
) -> None:
    secrets = drilled()
    made = [make_secret(platform, name, own, ca, one.key_pem) for name, (own, ca, one) in secrets.items()]
    made.append(make_secret(platform, "garbage", b"garbage"))
    names = [*secrets, "garbage", "missing"]
    text = profile(platform, secrets=[f"{EMPTY}/{name}" for name in names])
    try:
        with applied(platform, manifests(tmp_path, text)) as account:
            run, requests = account.run(tmp_path / "account", text)
    finally:
        for each in made:
            platform.delete(each)

    assert run.exit_status == 1, run.output
    result = run.result("IDP-008")
    assert result["population"] == len(names)
    found = {
        finding["subject"]["name"]: (finding["severity"], finding["message"])
        for finding in result["findings"]
    }
    assert {name: severity for name, (severity, _) in found.items()} == {
        "expired": "critical",
        "expiring": "high",
        "warning": "medium",
        "too-early": "high",
        "wrong-ca": "high",
        "garbage": "high",
        "missing": "high",
    }
    assert "was not issued by its ca.crt (CN=drill root\\, renewed)" in found["wrong-ca"][1]
    assert found["missing"][1] == "it is not there"
    secrets_got = {right.name for right in used(requests) if right.resource == "secrets"}
    assert secrets_got == set(names)
    assert_no_key([one for _, _, one in secrets.values()], run, tmp_path / "account")


def assert_no_key(keys: Iterable[Issued], run: HealthRun, directory: Path) -> None:
    """Neither as PEM nor as the Secret had it, nor a line of either, in any file or in the output."""
    marks = set()
    for one in keys:
        lines = [line for line in one.key_pem.decode().splitlines() if not line.startswith("-----")]
        marks |= {line.encode() for line in lines if len(line) > 8}
        marks |= {base64.b64encode(one.key_pem)[:40], base64.b64encode(one.key_pem)[60:100]}
        marks.add(one.key.private_numbers().private_value.to_bytes(32, "big"))  # type: ignore[union-attr]
    contents = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    contents |= {path: gzip.decompress(text) for path, text in contents.items() if path.suffix == ".gz"}
    contents[Path("output")] = run.output.encode()
    assert any(path.name == "tls_secrets.json.gz" for path in contents), "its fact was written"
    assert [path for path, content in contents.items() for mark in marks if mark in content] == []
