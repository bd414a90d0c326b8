"""Reading from a Kubernetes API server: bytes in, typed objects out.

``kubernetes`` gives the way in (``way_in``). Its typed objects are not used: for 20,000 pods they take ten
times as long and 20 times the memory (benchmarks/read_pods.py).
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from domino_health.collectors.looking import CollectionError, Deadline, Look
from domino_health.collectors.way_in import credentials, way_into
from domino_health.facts.kubernetes import ListMeta
from domino_health.facts.observed import Outcome
from domino_health.profile.clusters import Cluster
from domino_health.redact import Redactor

if TYPE_CHECKING:
    import urllib3

PAGE = 500
"""Objects a page, kubectl's own: small enough for a server's memory, large enough for few round trips."""
LARGEST_PAGE = 256 << 20
"""Bytes. 500 objects at etcd's limit of 1.5 MiB would be more, but no real page comes near."""
MOST_OBJECTS = 1_000_000
"""Of one kind in one cluster: Kubernetes itself is tested to 150,000 pods."""
CONNECT = 5.0
"""Seconds for a TCP connection and its TLS handshake."""
MOST_TRIES = 4
"""Of a listing whose continue token expires (410), and of a page that a busy server puts off."""
BUSY = frozenset({429, 503, 504})
"""A server that restarts or is under load says so; it passes."""
QUOTED = 200
"""Characters of an answer that is no Status, to recognise what answers."""

_NO_API = "see what answers at this address: a proxy's or a sign-in page?"

Thing = TypeVar("Thing")


class Page(Protocol[Thing]):
    """A list as an API server sends it."""

    @property
    def metadata(self) -> ListMeta:
        """Where the next page begins."""
        ...

    @property
    def items(self) -> list[Thing]:
        """The objects of this page."""
        ...


class Status(msgspec.Struct, frozen=True):
    """What an API server says when it refuses."""

    message: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Answer:
    """A complete HTTP response."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class ExpiredError(Exception):
    """The continue token is older than what the server keeps; the listing must start over."""


class Connection:
    """One cluster's API server. Only ever reads."""

    def __init__(self, cluster: Cluster) -> None:
        self.name = cluster.name
        way = way_into(cluster)
        self._client = way.client
        self._said = way.said
        self._server = re.sub(r"//[^/]*@", "//", way.client.configuration.host)
        """The address, fit to be shown: a kubeconfig may have a password in it."""

    def how(self, path: str) -> str:
        """What is asked, of which server, and who said that it is this one: ``GET https://… (context …)``."""
        said = f" ({self._said})" if self._said else ""
        return f"GET {self._server}{path}{said}"

    def get(self, path: str, deadline: Deadline) -> Answer:
        """The answer to ``GET path``, whatever its status.

        Raises:
            CollectionError: no answer, not a whole one, none in time, or one without end.
        """
        import urllib3

        headers = self._headers()
        url = self._client.configuration.host + path
        connect = deadline.remaining(CONNECT)
        timeout = urllib3.Timeout(connect=connect, read=deadline.remaining())
        no_connection = f"no connection within {round(connect, 1):g} s"
        try:
            response = self._client.rest_client.pool_manager.request(
                "GET",
                url,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = self._body(response, path, deadline)
        except urllib3.exceptions.NewConnectionError as error:  # by inheritance a time-out, but it is none
            raise self._unreachable(_words(_root_cause(error))) from None
        except urllib3.exceptions.ConnectTimeoutError:
            raise self._unreachable(no_connection, Outcome.TIMED_OUT) from None
        except urllib3.exceptions.TimeoutError:
            if deadline.seconds_left:  # then it was the TLS handshake, which has as long as connecting
                raise self._unreachable(f"{no_connection} (TLS)", Outcome.TIMED_OUT) from None
            raise deadline.passed(f"to GET {path}") from None
        except urllib3.exceptions.ProxyError as error:
            raise self._no_way_through(_words(_root_cause(error))) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            cause = _root_cause(error)
            raise self._unreachable(_words(cause), cure=_tls_cure(cause)) from None
        except ValueError:  # whose words quote the header
            raise CollectionError(
                f"{self._server}: no header can carry the credential",
                f"give cluster {self.name} a valid credential: one line, of plain letters",
            ) from None
        return Answer(response.status, body, response.headers)

    def _headers(self) -> dict[str, str]:
        """What every request carries. The credential is renewed when it ends, which runs an exec plugin."""
        headers = {"Accept": "application/json", "User-Agent": "domino-health"}
        with credentials(self.name):
            self._client.update_params_for_auth(headers, [], ["BearerToken"])
        return headers

    def _body(self, response: "urllib3.BaseHTTPResponse", path: str, deadline: Deadline) -> bytes:
        """The whole body, within the deadline even when it drips, and never more than a page may hold."""
        chunks, size = [], 0
        try:
            while chunk := response.read1(1 << 20):
                chunks.append(chunk)
                size += len(chunk)
                if size > LARGEST_PAGE:
                    raise CollectionError(
                        f"GET {path}: more than {LARGEST_PAGE >> 20} MiB in one page",
                        "see what answers at this address: an API server sends far less",
                    )
                deadline.remaining()
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return b"".join(chunks)

    def list(
        self,
        path: str,
        decoder: msgspec.json.Decoder[Any],
        deadline: Deadline,
        say: Callable[[str], None] = lambda _: None,
    ) -> list[Any]:
        """All objects of a listing, page by page, decoded.

        Pages of two listings do not add up to one, so that a listing whose token expires starts over.

        Raises:
            CollectionError: as ``get``, and for every answer that is not a page.
        """
        for _ in range(MOST_TRIES):
            things: list[Any] = []
            try:
                for page in self._pages(path, decoder, deadline):
                    things += page.items
                    left = page.metadata.remaining_item_count
                    say(f"{len(things)} of {len(things) + left}" if left else str(len(things)))
                    if len(things) > MOST_OBJECTS:
                        raise CollectionError(
                            f"GET {path}: more than {MOST_OBJECTS} objects",
                            "name the namespaces that matter in the profile",
                            Outcome.TRUNCATED,
                            things,
                        )
            except ExpiredError:
                continue
            return things
        raise CollectionError(
            f"GET {path}: the listing expired {MOST_TRIES} times before its last page (410)",
            f"the API server of cluster {self.name} is too slow for its size; see its latency",
        )

    def require_namespace(self, name: str, deadline: Deadline) -> None:
        """Tell an empty namespace from one that is not there: of either, every list is empty.

        Raises:
            CollectionError: it is not there, or that cannot be told.
        """
        path = f"/api/v1/namespaces/{name}"
        answer = self._patiently(path, deadline)
        if answer.status == 404:
            raise CollectionError(
                f"GET {path}: 404 {self._words(answer.body)}", "mend the name in the profile's namespaces"
            )
        if answer.status != 200:
            raise self._refused(path, answer)

    def _pages(
        self, path: str, decoder: msgspec.json.Decoder[Any], deadline: Deadline
    ) -> Iterator[Page[Any]]:
        token = ""
        while True:
            query: dict[str, Any] = {"limit": PAGE, **({"continue": token} if token else {})}
            answer = self._patiently(f"{path}?{urlencode(query)}", deadline)
            if answer.status == 410 and token:
                raise ExpiredError
            if answer.status != 200:
                raise self._refused(path, answer)
            page: Page[Any] = self._decode(path, answer, decoder)
            yield page
            token = page.metadata.continue_
            if not token:
                return

    def _patiently(self, path: str, deadline: Deadline) -> Answer:
        """The answer, after a busy server has been given the time that it asks for."""
        for _ in range(MOST_TRIES - 1):
            answer = self.get(path, deadline)
            if answer.status not in BUSY:
                return answer
            asked = answer.headers.get("Retry-After", "1")
            pause = float(asked) if asked.isdecimal() else 1.0
            if pause >= deadline.seconds_left:
                return answer
            time.sleep(pause)
        return self.get(path, deadline)

    def _decode(self, path: str, answer: Answer, decoder: msgspec.json.Decoder[Any]) -> Any:
        try:
            return decoder.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CollectionError(
                f"GET {path}: {len(answer.body)} bytes that are not what a Kubernetes API sends: {error}",
                _NO_API,
            ) from None

    def _refused(self, path: str, answer: Answer) -> CollectionError:
        said = self._words(answer.body).removeprefix(f"{answer.status} ")  # "404 page not found"
        tried = f"GET {path}: {answer.status} {said}".rstrip()
        if answer.status == 401:
            return CollectionError(
                tried,
                f"give cluster {self.name} a valid credential: its token may have expired",
                Outcome.DENIED,
            )
        if answer.status == 403:
            return CollectionError(tried, f"grant the account this rule: {rbac_rule(path)}", Outcome.DENIED)
        if 300 <= answer.status < 400 or answer.status == 404:
            return CollectionError(tried, _NO_API)
        return CollectionError(tried, f"see the health of the API server of cluster {self.name}")

    def _words(self, body: bytes) -> str:
        """The message of a Status, or the beginning of whatever else came; without the credential.

        Some proxies repeat the request, and the profile's redactor does not know a kubeconfig's tokens.
        """
        keys = self._client.configuration.api_key.values()
        scrub = Redactor(key.rpartition(" ")[2] for key in keys).scrub
        try:
            return scrub(msgspec.json.decode(body, type=Status).message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return scrub(body[: 1 << 16].decode(errors="replace"))[:QUOTED]

    def _no_way_through(self, reason: str) -> CollectionError:
        proxy = self._client.rest_client.pool_manager.proxy
        return CollectionError(
            f"{self._server}: no way through the proxy {proxy.host}:{proxy.port}: {reason}",
            "see the proxy that HTTPS_PROXY names, or name the API server's host in NO_PROXY",
        )

    def _unreachable(
        self, reason: str, outcome: Outcome = Outcome.FAILED, *, cure: str = ""
    ) -> CollectionError:
        otherwise = "see whether the address is right and reachable from here"
        return CollectionError(f"{self._server}: {reason}", cure or otherwise, outcome)


def rbac_rule(path: str) -> str:
    """The RBAC rule that allows to list ``path``, or to get a namespace, as it stands in a (Cluster)Role.

    >>> rbac_rule("/apis/apps/v1/namespaces/domino-platform/deployments")
    '{apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"]} (in namespace domino-platform)'
    >>> rbac_rule("/api/v1/namespaces/domino-platform")
    '{apiGroups: [""], resources: ["namespaces"], verbs: ["get"]} (in namespace domino-platform)'
    """
    parts = path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    namespace, verb = "", "list"
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        rest, verb = (rest[2:], verb) if len(rest) > 2 else (rest, "get")
    rule = f'{{apiGroups: [{json.dumps(group)}], resources: [{json.dumps(rest[0])}], verbs: ["{verb}"]}}'
    return f"{rule} (in {f'namespace {namespace}' if namespace else 'a ClusterRole'})"


def connect(look: Look, cluster: Cluster, deadline: Deadline) -> Connection:
    """The cluster's connection, made once a run: an exec plugin may take seconds."""
    return look.shared.get(("cluster", cluster.name), lambda: Connection(cluster), deadline)


def how(look: Look, cluster: Cluster, path: str) -> Callable[[], str]:
    """What a target says of how it was looked at: the server is known only when the way in was found."""

    def asked() -> str:
        connection = look.shared.made(("cluster", cluster.name))
        return connection.how(path) if isinstance(connection, Connection) else f"GET {path}"

    return asked


def _root_cause(error: BaseException) -> BaseException:
    """The innermost reason: urllib3 wraps the one word that matters in layers of itself."""
    while isinstance(
        inner := getattr(error, "reason", None) or error.__cause__ or error.__context__, BaseException
    ):
        error = inner
    return error


def _words(cause: BaseException) -> str:
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


def _tls_cure(cause: BaseException) -> str:
    """What helps against a failure of TLS; nothing for one that is none."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _DATES:
            return "renew the API server's certificate, or set the clock of this machine"
        if cause.verify_code in _NAMES:
            return "name the API server as its certificate does"
        return "name the CA that issued the API server's certificate: ca_file, or in the kubeconfig"
    if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        return "what listens there does not speak TLS: see whether the address and its port are right"
    if isinstance(cause, ssl.SSLError) and cause.library in ("PEM", "X509"):
        return "mend ca_file, or the kubeconfig's certificates: one of them cannot be read"
    return ""
