"""A real Kubernetes control plane on loopback: API server, scheduler, controllers, and KWOK for nodes.

``control-plane/build.sh`` builds the programs. Nothing here is a mock: what the scheduler writes on a
pod, what RBAC refuses and what the audit log shows is what a production cluster does. Only the kubelets
are missing: KWOK plays them, so pods become Running and nothing runs in them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from component import Component, free_ports
from kube_client import Client, eventually

PROGRAMS = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kwok")
STAGES = "kwok-stages.yaml"  # without stages KWOK does nothing, so they belong to the programs
KWOK_NODE = "kwok.x-k8s.io/node=fake"  # the annotation of nodes that KWOK plays; it leaves others alone

# The users a kubeconfig can be written for, with their group. The first three are for tests; RBAC already
# knows the components by name; KWOK acts for every kubelet, which no single role of Kubernetes covers.
USERS = {
    "admin": "system:masters",
    "health-reader": "",
    "nobody": "",
    "system:kube-scheduler": "",
    "system:kube-controller-manager": "",
    "kwok": "system:masters",
}


@dataclass(frozen=True)
class AuditEntry:
    """One request as the audit log tells it; ``code`` is None when it was cut off by ``stop``."""

    stage: str
    user: str
    verb: str
    uri: str
    user_agent: str
    code: int | None


def assets_dir() -> Path:
    """Where the programs are looked for: the same place as ``build.sh --where`` prints."""
    if named := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "domino-health" / "control-plane"


def find_assets() -> Path | None:
    """The directory of programs, or None when one is missing (setup-envtest brings only three)."""
    directory = assets_dir()
    whole = all(os.access(directory / name, os.X_OK) for name in PROGRAMS) and (directory / STAGES).is_file()
    return directory if whole else None


class ControlPlane(Client):
    """The control plane, running while the context is open.

    Start it in a thread that outlives it (see Component.start), pytest's main thread for example.
    """

    def __init__(self, assets: Path) -> None:
        self.directory = Path(tempfile.gettempdir()) / f"domino-health-{secrets.token_hex(6)}"
        self.audit_file = self.directory / "audit.jsonl"
        self.container_log = self.directory / "container.log"
        """KWOK's log of every container, in a container runtime's form: ``TIME stdout F TEXT``."""
        self.previous_log = self.directory / "container-previous.log"
        """The same of the run before."""
        self._assets = assets
        self._components: dict[str, Component] = {}
        self._audited: dict[str, AuditEntry] = {}
        self._audit_offset = 0
        self._ports = dict(zip(PROGRAMS, free_ports(len(PROGRAMS)), strict=True))
        # The API server makes this certificate, for 127.0.0.1, together with its issuer.
        authority = self.directory / "apiserver.crt"
        tokens = {user: secrets.token_hex(16) for user in USERS}
        super().__init__(f"https://127.0.0.1:{self._ports['kube-apiserver']}", authority, tokens)

    def __enter__(self) -> Self:
        try:
            self.directory.mkdir(mode=0o700)
            self._write_inputs()
            for name, flags in self._flags().items():
                command = [str(self._assets / name), *(f"--{flag}={value}" for flag, value in flags.items())]
                self._components[name] = Component(command, self.directory, partial(self._answers, name))
            self.start("etcd")
            self.start("kube-apiserver")
            self.start("kube-controller-manager", "kube-scheduler", "kwok")
            eventually(
                lambda: self.get("/api/v1/namespaces/default/serviceaccounts/default"),
                what="the controllers' first service account",
            )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every process and remove the directory, whatever state they are in."""
        with ExitStack() as stack:
            if self.directory.exists():
                stack.callback(shutil.rmtree, self.directory)
            stack.callback(self.http.clear)
            for component in self._components.values():
                stack.callback(component.kill)

    def start(self, *names: str) -> None:
        """Start components (again) and wait until they answer."""
        for name in names:
            self._components[name].start()
        for name in names:
            self._components[name].wait()

    def stop(self, name: str) -> None:
        """Kill one component; ``start`` brings it back."""
        self._components[name].kill()
        if name == "kube-apiserver":  # what it was answering will never be complete
            self._read_audit()
            for key, entry in self._audited.items():
                if entry.stage == "RequestReceived":
                    self._audited[key] = replace(entry, stage="Abandoned")

    def pause(self, name: str) -> None:
        """Freeze one component: it keeps its connections and answers nothing."""
        self._components[name].send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen component go on."""
        self._components[name].send(signal.SIGCONT)

    @property
    def kubelet(self) -> tuple[str, int]:
        """Address and port where KWOK answers as the kubelet of any node."""
        return "127.0.0.1", self._ports["kwok"]

    @property
    def pids(self) -> dict[str, int]:
        """The process (and group) ids of all components started so far, living or not."""
        return {name: part.process.pid for name, part in self._components.items() if part.process}

    def kubeconfig(self, user: str = "admin") -> Path:
        """A kubeconfig file for one of USERS; it lives as long as the control plane."""
        path = self.directory / f"{user.replace(':', '-')}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "integration", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": user, "context": {"cluster": "integration", "user": user}}],
            "current-context": user,
        }
        path.write_text(json.dumps(content, indent=2))  # JSON is YAML
        return path

    def audit(self, user: str | None = None) -> list[AuditEntry]:
        """All requests so far (of one user), in the order they came, each at its last stage.

        Every request that was answered before this call is in it, with its code: the server writes the stage
        RequestReceived before it answers, and this waits until those seen have become complete.
        """
        self._read_audit()
        asked = [key for key, entry in self._audited.items() if user in (None, entry.user)]

        def is_complete() -> bool:
            self._read_audit()
            return all(self._audited[key].stage != "RequestReceived" for key in asked)

        eventually(is_complete, 10, "complete audit entries")
        return [self._audited[key] for key in asked]

    def _read_audit(self) -> None:
        with self.audit_file.open("rb") as file:
            file.seek(self._audit_offset)
            lines = file.read().split(b"\n")
        self._audit_offset += sum(len(line) + 1 for line in lines[:-1])  # the last is empty or unfinished
        for line in lines[:-1]:
            event = json.loads(line)
            self._audited[event["auditID"]] = AuditEntry(
                stage=event["stage"],
                user=event["user"].get("username", ""),
                verb=event["verb"],
                uri=event["requestURI"],
                user_agent=event.get("userAgent", ""),
                code=event.get("responseStatus", {}).get("code"),
            )

    def _write_inputs(self) -> None:
        users = [f"{self.tokens[user]},{user},{user}{group and ',' + group}" for user, group in USERS.items()]
        (self.directory / "tokens.csv").write_text("\n".join(users))
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (self.directory / "accounts.key").write_bytes(pem)
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
        (self.directory / "audit-policy.json").write_text(json.dumps(policy))
        files = {"logsFile": str(self.container_log), "previousLogsFile": str(self.previous_log)}
        logs = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs", "metadata": {"name": "all"}}
        (self.directory / "kwok-logs.yaml").write_text(json.dumps({**logs, "spec": {"logs": [files]}}))
        for file in (self.container_log, self.previous_log):
            file.touch()

    def _answers(self, name: str) -> bool:
        if name == "kube-apiserver" and not self.ca_file.exists():
            return False
        path = {"etcd": "health", "kube-controller-manager": "healthz"}.get(name, "readyz")
        scheme = "http" if name in ("etcd", "kwok") else "https"
        headers = {"Authorization": f"Bearer {self.tokens['admin']}"} if scheme == "https" else {}
        try:
            url = f"{scheme}://127.0.0.1:{self._ports[name]}/{path}"
            return self.http.request("GET", url, headers=headers, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _flags(self) -> dict[str, dict[str, object]]:
        ports, here = self._ports, self.directory
        etcd = f"http://127.0.0.1:{ports['etcd']}"
        serving = {"bind-address": "127.0.0.1", "tls-cert-file": self.ca_file}
        serving["tls-private-key-file"] = here / "apiserver.key"
        # The controllers' own limit of 20 requests a second is what a test would wait for.
        eager = {"leader-elect": "false", "kube-api-qps": 200, "kube-api-burst": 400}
        return {
            "etcd": {
                "data-dir": here / "etcd",
                "listen-client-urls": etcd,
                "advertise-client-urls": etcd,
                "listen-peer-urls": "http://127.0.0.1:0",
                "unsafe-no-fsync": "true",
                "log-level": "warn",
            },
            "kube-apiserver": {
                "etcd-servers": etcd,
                "bind-address": "127.0.0.1",
                "secure-port": ports["kube-apiserver"],
                "cert-dir": here,
                # Without these two it looks for an address that is not loopback, to publish it.
                "advertise-address": "127.0.0.1",
                "endpoint-reconciler-type": "none",
                "service-cluster-ip-range": "10.96.0.0/16",
                "service-account-issuer": "https://kubernetes.default.svc",
                "service-account-key-file": here / "accounts.key",
                "service-account-signing-key-file": here / "accounts.key",
                "token-auth-file": here / "tokens.csv",
                "authorization-mode": "RBAC",
                "allow-privileged": "true",
                # Of nodes, whose names lead nowhere: a drill gives one of them KWOK's own address.
                "kubelet-preferred-address-types": "InternalIP",
                "audit-policy-file": here / "audit-policy.json",
                "audit-log-path": self.audit_file,
                "audit-log-maxsize": 10_000,  # MB; at the default of 100 entries move to another file
            },
            "kube-controller-manager": {
                **eager,
                **serving,
                "secure-port": ports["kube-controller-manager"],
                "kubeconfig": self.kubeconfig("system:kube-controller-manager"),
                "use-service-account-credentials": "true",
                "service-account-private-key-file": here / "accounts.key",
                "root-ca-file": self.ca_file,
            },
            "kube-scheduler": {
                **eager,
                **serving,
                "secure-port": ports["kube-scheduler"],
                "kubeconfig": self.kubeconfig("system:kube-scheduler"),
            },
            "kwok": {
                "kubeconfig": self.kubeconfig("kwok"),
                "config": f"{self._assets / STAGES},{here / 'kwok-logs.yaml'}",
                "manage-nodes-with-annotation-selector": KWOK_NODE,
                "node-lease-duration-seconds": 40,
                "server-address": f"127.0.0.1:{ports['kwok']}",
                # It answers by HTTPS as well, as kubelets do.
                "tls-cert-file": self.ca_file,
                "tls-private-key-file": here / "apiserver.key",
            },
        }
