"""One request to a Kubernetes API server, and its whole answer: in time, of bounded size, or one error.

``kubernetes`` gives the way in (``way_in``); the requests are urllib3's. What an answer means is for
``cluster`` to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domino_health.collectors.cluster_words import (
    ANSWERS,
    NOT_THERE,
    broke_off,
    root_cause,
    tls_cure,
    words_of,
)
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.collectors.way_in import credentials, way_into
from domino_health.facts.observed import Outcome
from domino_health.profile.clusters import Cluster

if TYPE_CHECKING:
    import urllib3

LARGEST_PAGE = 256 << 20
"""Bytes. 500 objects at etcd's limit of 1.5 MiB would be more, but no real page comes near."""
JSON = "application/json"
CONNECT = 5.0
"""Seconds for a TCP connection and its TLS handshake."""


@dataclass(frozen=True)
class Answer:
    """A complete HTTP response."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class BrokenOffError(CollectionError):
    """A connection that was refused, reset, or closed before the whole answer had come."""

    def __init__(self, reason: str, cure: str, *, accepted: bool) -> None:
        super().__init__(reason, cure)
        self.accepted = accepted
        """False when nobody listened."""


class TooLargeError(Exception):
    """A body is larger than any that was to be expected."""


def whole_body(response: "urllib3.BaseHTTPResponse", largest: int, deadline: Deadline) -> bytes:
    """A body that is read as it comes: within the deadline even when it drips, and bounded.

    Raises:
        TooLargeError: there are more than ``largest`` bytes of it.
        CollectionError: the time is up.
    """
    chunks, size = [], 0
    while chunk := response.read1(1 << 20):
        chunks.append(chunk)
        size += len(chunk)
        if size > largest:
            raise TooLargeError
        deadline.remaining()
    return b"".join(chunks)


class Server:
    """One cluster's API server. Only ever asks: nothing that is sent changes anything there."""

    def __init__(self, cluster: Cluster) -> None:
        self.name = cluster.name
        way = way_into(cluster)
        self._client = way.client
        self._said = way.said
        self._proxied_by = way.proxied_by
        self._server = re.sub(r"//[^/]*@", "//", way.client.configuration.host)
        """The address, fit to be shown: a kubeconfig may have a password in it."""

    @property
    def server(self) -> str:
        """Its address, fit to be shown."""
        return self._server

    def how(self, path: str, method: str = "GET") -> str:
        """What is asked, of which server, and who said that it is this one: ``GET https://… (context …)``."""
        said = f" ({self._said})" if self._said else ""
        return f"{method} {self._server}{path}{said}"

    def get(self, path: str, deadline: Deadline) -> Answer:
        """The answer to ``GET path``, whatever its status.

        Raises:
            CollectionError: no answer, not a whole one, none in time, or one without end.
        """
        return self._send(path, deadline)

    def _send(
        self, path: str, deadline: Deadline, question: bytes | None = None, accept: str = JSON
    ) -> Answer:
        """The answer to a GET; with a ``question``, JSON, to a POST of it."""
        import urllib3

        method = "GET" if question is None else "POST"
        headers = {**self._headers(), "Accept": accept}
        if question is not None:
            headers["Content-Type"] = JSON
        url = self._client.configuration.host + path
        connect = deadline.remaining(CONNECT)
        timeout = urllib3.Timeout(connect=connect, read=deadline.remaining())
        no_connection = f"no connection within {round(connect, 1):g} s"
        try:
            response = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=question,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = self._body(response, f"{method} {path}", deadline)
        except urllib3.exceptions.NewConnectionError as error:  # by inheritance a time-out, but it is none
            raise self._unreachable(root_cause(error), accepted=False) from None
        except urllib3.exceptions.ConnectTimeoutError:
            raise self._too_late(no_connection, NOT_THERE) from None
        except urllib3.exceptions.TimeoutError:
            if deadline.seconds_left:  # then it was the TLS handshake, which has as long as connecting
                raise self._too_late(f"{no_connection} (TLS)", ANSWERS) from None
            raise deadline.passed(f"to {method} {path.partition('?')[0]}") from None  # a token says nothing
        except urllib3.exceptions.ProxyError as error:
            raise self._no_way_through(words_of(root_cause(error))) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(root_cause(error), accepted=True) from None
        except ValueError:  # whose words quote the header
            raise CollectionError(
                f"{self._server}: no header can carry the credential",
                f"give cluster {self.name} a valid credential: one line, of plain letters",
            ) from None
        return Answer(response.status, body, response.headers)

    def _headers(self) -> dict[str, str]:
        """What every request carries. The credential is renewed when it ends, which runs an exec plugin."""
        headers = {"User-Agent": "domino-health"}
        with credentials(self.name):
            self._client.update_params_for_auth(headers, [], ["BearerToken"])
        if "authorization" in headers:  # as kubectl: the file of a token may end in a line break
            scheme, _, token = headers["authorization"].partition(" ")
            headers["authorization"] = f"{scheme} {token.strip()}"
        return headers

    def _body(self, response: "urllib3.BaseHTTPResponse", asked: str, deadline: Deadline) -> bytes:
        """The whole body, and never more than a page may hold."""
        try:
            body = whole_body(response, LARGEST_PAGE, deadline)
        except TooLargeError:
            response.close()
            raise CollectionError(
                f"{asked.partition('?')[0]}: more than {LARGEST_PAGE >> 20} MiB in one page",
                "see what answers at this address: an API server sends far less",
            ) from None
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return body

    def _no_way_through(self, reason: str) -> CollectionError:
        proxy = self._client.rest_client.pool_manager.proxy
        return CollectionError(
            f"{self._server}: no way through the proxy {proxy.host}:{proxy.port}: {reason}",
            f"see the proxy that {self._proxied_by}",
        )

    def _too_late(self, reason: str, cure: str) -> CollectionError:
        return CollectionError(f"{self._server}: {reason}", cure, Outcome.TIMED_OUT)

    def _unreachable(self, cause: BaseException, *, accepted: bool) -> CollectionError:
        reason = f"{self._server}: {words_of(cause)}"
        if broke_off(cause):
            return BrokenOffError(reason, ANSWERS if accepted else NOT_THERE, accepted=accepted)
        return CollectionError(reason, tls_cure(cause) or NOT_THERE)
