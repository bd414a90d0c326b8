"""The way into a cluster: from what the profile says of it to a client of its API server.

``kubernetes`` finds it (kubeconfig, exec plugins, in-cluster tokens, TLS). What it raises or logs on the way
is made into one error here, which says what was tried and holds no credential.
"""

import contextlib
import ipaddress
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from domino_health.collectors.looking import CollectionError
from domino_health.profile import files
from domino_health.profile.clusters import Cluster
from domino_health.profile.errors import did_you_mean

NEEDS = ("kubernetes.client", "kubernetes.config")
"""Modules that take seconds to import: that is not a cluster's to answer for."""

_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")
_CLUSTERS_FILES = ("certificate-authority",)
_USERS_FILES = ("client-certificate", "client-key", "tokenFile")

_BY_ENVIRONMENT = "HTTPS_PROXY names, or name the API server's host in NO_PROXY"
_BY_KUBECONFIG = "proxy-url in the kubeconfig names"

_MEND = "mend the kubeconfig or its exec plugin, or name another kubeconfig or context"


_SECRETS = [
    # What says of itself that it is one: TOKEN=…, password: …, Bearer …, https://user:…@host
    (
        re.compile(
            r"""([\w-]*(?:token|secret|passw|pwd|(?:api|access|private)[_-]?key)\w*["']?\s*[:=]\s*["']?)"""
            r"""[^\s"',;]+""",
            re.IGNORECASE,
        ),
        r"\1…",
    ),
    (re.compile(r"\b(bearer|basic)\s+[^\s\"',;]+", re.IGNORECASE), r"\1 …"),
    (re.compile(r"//[^\s/@]+@"), "//…@"),
    # A long word of letters and digits. It may be somebody's id as well.
    (re.compile(r"\b(?=[a-z_+-]*\d)(?=[\d_+-]*[a-z])[\w+-]{24,}", re.IGNORECASE), "…"),
]
"""What may be a secret in the words of an exec plugin, which nobody has told us of."""

_NOT_INSTALLED = re.compile(r"^\[Errno 2\] No such file or directory: '(.*)'$")
"""All that ``kubernetes`` logs when it cannot start an exec plugin."""


class NoWayInError(Exception):
    """Why there is none, and what would help."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.cure = cure


@dataclass(frozen=True)
class WayIn:
    """A way that was found."""

    client: Any
    """``kubernetes.client.ApiClient``."""
    said: str
    """Whose word led here: ``context prod-reader of /home/ops/.kube/config``. Empty for the profile's own."""
    proxied_by: str
    """Who names the proxy, if there is one, and what would help against it."""


@dataclass(frozen=True)
class Contexts:
    """What kubectl could talk to, by its own configuration."""

    files: str
    """As ``KUBECONFIG`` names them; several are divided by colons."""
    found: bool
    """Whether any of these files is there."""
    names: tuple[str, ...] = ()
    current: str = ""
    """The one that is used where nobody names one; empty where there is none."""


def contexts(cluster: str) -> Contexts:
    """The contexts of ``KUBECONFIG``, else of ``~/.kube/config``. Runs no exec plugin.

    Args:
        cluster: what errors call it.

    Raises:
        CollectionError: a file that cannot be read.
    """
    from kubernetes.config import kube_config

    named = str(kube_config.KUBE_CONFIG_DEFAULT_LOCATION)
    with credentials(cluster):
        merged = _merged(named).config
        if merged is None:
            return Contexts(named, found=False)
        names = tuple(str(each["name"]) for each in merged.safe_get("contexts") or ())
        current = str(merged.safe_get("current-context") or "")
        return Contexts(named, found=True, names=names, current=current if current in names else "")


def way_into(cluster: Cluster) -> WayIn:
    """The way into a cluster. May run an exec plugin; asks nothing of the API server.

    Raises:
        CollectionError: there is none.
    """
    import kubernetes.client

    configuration = kubernetes.client.Configuration()
    of_environment, configuration.proxy = configuration.proxy, None
    with credentials(cluster.name):
        said = _configure(configuration, cluster)
        proxied_by = _BY_KUBECONFIG if configuration.proxy else _BY_ENVIRONMENT
        # As kubectl: the end of a tunnel here is never for the environment's proxy to reach.
        if not configuration.proxy and not _is_loopback(configuration.host):
            configuration.proxy = of_environment
        return WayIn(kubernetes.client.ApiClient(configuration), said, proxied_by)


def _configure(configuration: Any, cluster: Cluster) -> str:
    """Fill in where the API server is and how it knows us; who said so."""
    import kubernetes.config

    if cluster.server is not None:
        configuration.host = cluster.server.rstrip("/")
        configuration.ssl_ca_cert = str(cluster.ca_file) if cluster.ca_file else None
        if cluster.token is not None:
            configuration.api_key["authorization"] = f"Bearer {cluster.token.get_secret_value()}"
        return ""
    if cluster.in_cluster:
        try:
            kubernetes.config.load_incluster_config(client_configuration=configuration)
        except kubernetes.config.ConfigException as error:
            raise NoWayInError(
                f"not inside of a cluster: {error}",
                "in_cluster is for a pod with a service account; elsewhere name a kubeconfig or context",
            ) from None
        return "the pod's service account"
    return _by_kubeconfig(configuration, cluster)


def _by_kubeconfig(configuration: Any, cluster: Cluster) -> str:
    from kubernetes.config import kube_config

    named = str(cluster.kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION)
    merged = _merged(named)
    if merged.config is None:
        raise NoWayInError(f"no kubeconfig: there is no {named}", "name a kubeconfig, or set KUBECONFIG")
    contexts = [str(each["name"]) for each in merged.config.safe_get("contexts") or ()]
    if cluster.context and cluster.context not in contexts:
        raise NoWayInError(
            f"no context {cluster.context} in {named}{did_you_mean(cluster.context, contexts)}",
            "name a context that the kubeconfig has",
        )
    # Not load_kube_config: it writes renewed tokens into the file, and only its owner may.
    # Without a base, relative paths are relative to the file that they stand in, as for kubectl.
    loader = kube_config.KubeConfigLoader(
        merged.config, active_context=cluster.context, config_base_path=None
    )
    context = loader.current_context["context"]
    its_cluster = merged.config["clusters"].get_with_name(context["cluster"])["cluster"]
    _resolve(its_cluster, _CLUSTERS_FILES)
    users, name = merged.config.safe_get("users"), context.get("user")
    if name and users and (entry := merged.config["users"].get_with_name(name, safe=True)):
        _forbid_impersonation(entry["user"])
        _resolve(entry["user"], _USERS_FILES)
        if entry["user"].safe_get("exec"):
            _resolve_command(entry["user"]["exec"])
    loader.load_and_set(configuration)
    if proxy := its_cluster.safe_get("proxy-url"):
        configuration.proxy = proxy
        configuration.no_proxy = None  # as kubectl: what is named for one cluster knows no exceptions
    return f"context {loader.current_context['name']} of {named}"


def _merged(named: str) -> Any:
    """Kubeconfigs as one. A pipe is none of them: there is nobody to say when it ends.

    Args:
        named: as in ``KUBECONFIG``, several divided by colons.
    """
    from kubernetes.config import kube_config

    for name in filter(None, named.split(kube_config.ENV_KUBECONFIG_PATH_SEPARATOR)):
        path = files.located(name, Path.cwd())
        try:
            files.require_file(path)
        except ValueError as error:
            if path.exists():
                raise NoWayInError(
                    f"{name}: {error}", "name a kubeconfig that is a file, and no pipe or directory"
                ) from None
    return kube_config.KubeConfigMerger(named)


def _resolve(node: Any, keys: Sequence[str]) -> None:
    """Make paths absolute: they are relative to the file that names them, whichever of KUBECONFIG's that is.

    ``kubernetes`` takes all of them from the cluster's file (or, by default, from the working directory).
    """
    for key in keys:
        if path := node.safe_get(key):
            node.value[key] = str(Path(node.path).absolute().parent / path)


def _resolve_command(plugin: Any) -> None:
    """As kubectl: ``./plugin`` is beside the kubeconfig, ``plugin`` in PATH."""
    if "/" in str(plugin.safe_get("command")):
        _resolve(plugin, ["command"])


def _forbid_impersonation(user: Any) -> None:
    """``kubernetes`` ignores it, and to look with other rights than kubectl's would be a wrong answer."""
    for key in _IMPERSONATION:
        if value := user.safe_get(key):
            raise NoWayInError(
                f"the kubeconfig says '{key}: {value}', which is not supported here",
                "name a context without impersonation",
            )


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # an address that is none is told of by whoever connects to it
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def credentials(cluster: str) -> Iterator[None]:
    """Makes one error of whatever ``kubernetes`` raises or logs while it comes by a credential."""
    cure = _MEND
    with _root_log() as said:
        try:
            yield
        except NoWayInError as error:
            said.append(str(error))
            cure = error.cure
        except Exception as error:  # noqa: BLE001 (plugins, token refreshers and parsers raise what they like)
            said.append(_without_secrets(f"{type(error).__name__}: {error}"))
    if said:
        said = [_NOT_INSTALLED.sub(r"exec plugin \1 is not installed here", each) for each in said]
        # It quotes whole entries of a kubeconfig where a key is missing, the token beside it and all.
        reason = re.sub(r"\{.*\}", "{…}", " ".join("; ".join(said).split()))
        raise CollectionError(f"no way into cluster {cluster}: {reason}", cure)


def _without_secrets(text: str) -> str:
    """What a plugin writes on standard error is quoted, for it says why it failed; it may say more."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


@contextlib.contextmanager
def _root_log() -> Iterator[list[str]]:
    """Errors that this thread logs to the root logger: ``kubernetes`` says there, and nowhere else, that
    an exec plugin failed, and goes on without a credential. They go no further: they may hold secrets.
    """
    said: list[str] = []
    thread = threading.get_ident()

    def listen(record: logging.LogRecord) -> bool:
        if record.thread != thread or record.levelno < logging.ERROR:
            return True
        said.append(_without_secrets(record.getMessage()))
        return False

    root = logging.getLogger()
    quiet = logging.NullHandler()  # without any handler, ``logging.error`` installs one, for good
    root.addHandler(quiet)
    root.addFilter(listen)
    try:
        yield said
    finally:
        root.removeFilter(listen)
        root.removeHandler(quiet)
