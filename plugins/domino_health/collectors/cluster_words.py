"""The words for an API server that refuses or breaks off: what came back, and what would help."""

import http.client
import re
import ssl
from typing import Any

import msgspec

from domino_health.facts.rights import Right
from domino_health.redact import Redactor

QUOTED = 200
"""Characters of an answer that is no Status, to recognise what answers."""

NO_API = "see what answers at this address: a proxy's or a sign-in page?"
NOT_THERE = "see whether the address is right and reachable from here"
ANSWERS = (
    "the address answers: see the health of the API server (its etcd), or of the load balancer before it"
)


class Status(msgspec.Struct, frozen=True):
    """What an API server says when it refuses."""

    message: str = ""
    reason: str = ""


def message_of(body: bytes, configuration: Any) -> str:
    """The message of a Status, or the beginning of whatever else came; without the credential.

    Some proxies repeat the request, and the profile's redactor does not know a kubeconfig's tokens.
    """
    keys = configuration.api_key.values()
    scrub = Redactor(key.strip().rpartition(" ")[2] for key in keys).scrub
    try:
        return scrub(msgspec.json.decode(body, type=Status).message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return scrub(body[: 1 << 16].decode(errors="replace"))[:QUOTED]


def is_not_found(body: bytes) -> bool:
    """Whether a 404 is an API server's own word that there is no such object, and not some other server's."""
    return _reason(body) == "NotFound"


def is_status(body: bytes) -> bool:
    """Whether a refusal is an API server's own word, and not some other server's."""
    return bool(_reason(body))


def _reason(body: bytes) -> str:
    """Of an API server's refusal; empty for what is none."""
    try:
        return msgspec.json.decode(body, type=Status).reason
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def refusal_cure(status: int, said: str, path: str, cluster: str, configuration: Any) -> str:
    """What helps against an answer that is no page of ``path``."""
    sent = configuration.api_key or configuration.cert_file
    if 'User "system:anonymous"' in said or (status == 401 and not sent):
        # More rights for everybody would help as well, and must not be what is advised.
        return f"no credential was sent: give cluster {cluster} a token, a certificate or an exec plugin"
    if status == 401:
        why = "its token may have expired"
        if configuration.cert_file and not configuration.api_key:
            why = "its client certificate may have expired, or another CA issued it"
        return f"give cluster {cluster} a valid credential: {why}"
    if status == 403:
        return f"grant the account this rule: {rbac_rule(path)}"
    if status == 400 and "HTTP request to an HTTPS server" in said:
        return "write https:// in the kubeconfig"
    if 300 <= status < 400 or status == 404:
        return NO_API
    return f"see the health of the API server of cluster {cluster}"


def broke_off(cause: BaseException) -> bool:
    """Whether a connection ended before its answer did: a server that restarts does so, and it passes."""
    ends = (ConnectionError, http.client.IncompleteRead, ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(cause, ends)


def rbac_rule(path: str) -> str:
    """The RBAC rule that allows to list ``path``, or to get the object there, as a (Cluster)Role has it.

    What is no resource, such as the names of an API's versions, has a rule of its own.

    >>> rbac_rule("/apis/apps/v1/namespaces/domino-platform/deployments")
    '{apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"]} (in namespace domino-platform)'
    >>> rbac_rule("/api/v1/namespaces/domino-platform")
    '{apiGroups: [""], resources: ["namespaces"], verbs: ["get"]} (in namespace domino-platform)'
    >>> rbac_rule("/api/v1/namespaces/domino-platform/pods/web-1/log?tailLines=20")
    '{apiGroups: [""], resources: ["pods/log"], verbs: ["get"]} (in namespace domino-platform)'
    >>> rbac_rule("/apis")
    '{nonResourceURLs: ["/apis"], verbs: ["get"]} (in a ClusterRole)'
    """
    parts = path.strip("/").split("/")
    if len(parts) < 3 or (parts[0] != "api" and len(parts) < 4):
        return f'{{nonResourceURLs: ["{path}"], verbs: ["get"]}} (in a ClusterRole)'
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        rest = rest[2:] or ["namespaces", ""]  # a namespace is granted by a Role in it, which needs no name
    resource, name = rest[0], rest[1] if len(rest) > 1 else ""
    if len(rest) > 2:  # a part of an object, whose name is of today
        resource, name = f"{resource}/{rest[2].partition('?')[0]}", ""
    rule = Right(resource, "get" if len(rest) > 1 else "list", group, name=name).rule()
    return f"{rule} (in {f'namespace {namespace}' if namespace else 'a ClusterRole'})"


def root_cause(error: BaseException) -> BaseException:
    """The innermost reason: urllib3 wraps the one word that matters in layers of itself."""
    while isinstance(
        inner := getattr(error, "reason", None) or error.__cause__ or error.__context__, BaseException
    ):
        error = inner
    return error


def words_of(cause: BaseException) -> str:
    """Its own words, without those of Python's source."""
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    text = " ".join(str(cause).split())
    if isinstance(cause, ssl.SSLError):  # "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"
        text = re.sub(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$", "", text)
    return text or type(cause).__name__


_DATES, _NAMES = frozenset({9, 10}), frozenset({62, 64})
"""OpenSSL's codes (x509_vfy.h): not yet valid, expired; another host name, another IP address."""
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)
"""OpenSSL's words for an answer that is no TLS; they change with its version."""


def tls_cure(
    cause: BaseException, server: str = "the API server", ca: str = "ca_file, or in the kubeconfig"
) -> str:
    """What helps against a failure of TLS; nothing for one that is none.

    Args:
        cause: of the failure.
        server: who it is, in words.
        ca: where a profile names the CA to trust.
    """
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _DATES:
            return f"renew {server}'s certificate, or set the clock of this machine"
        if cause.verify_code in _NAMES:
            return f"name {server} as its certificate does"
        return f"name the CA that issued {server}'s certificate: {ca}"
    if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        return "what listens there does not speak TLS: see whether the address and its port are right"
    if isinstance(cause, ssl.SSLError) and cause.library in ("PEM", "X509"):
        return "mend ca_file, or the kubeconfig's certificates: one of them cannot be read"
    return ""
