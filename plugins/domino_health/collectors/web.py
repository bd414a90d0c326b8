"""One HTTP request to a server that is no API server of Kubernetes: in time, of bounded size, or one error.

TLS is always verified, by the public roots and the profile's own, whatever the environment names
(REQUESTS_CA_BUNDLE). A redirect is never followed: the credential is for the host that the profile names
alone. The environment's proxy is used, as curl does (``proxies``).
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from domino_health.collectors.cluster_words import broke_off, root_cause, tls_cure, words_of
from domino_health.collectors.looking import CollectionError, Deadline
from domino_health.collectors.proxies import proxy_for, shown
from domino_health.collectors.server import CONNECT, Answer, TooLargeError, whole_body
from domino_health.facts.observed import Outcome
from domino_health.redact import Redactor

if TYPE_CHECKING:
    import urllib3

NEEDS = ("certifi", "urllib3", "requests.utils")

QUOTED = 200
"""Characters of an answer that is none, to recognise what answers."""


@dataclass(frozen=True)
class Site:
    """A server that a section of the profile names, by its keys ``url`` and ``ca_file``."""

    section: str
    url: str
    ca_file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What every request carries, the credential among it."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must not be quoted, should an answer repeat it."""
    largest: int = 16 << 20
    """Bytes of an answer."""
    accept: str = "application/json"
    key: str = "url"
    """Of the section, that names it."""

    def get(self, path: str, deadline: Deadline) -> Answer:
        """The answer to ``GET path``, whatever its status.

        Raises:
            CollectionError: no answer, not a whole one, none in time, one without end, or one of a server
                that is not the one it says.
        """
        return self._send("GET", path, deadline, None, {})

    def post(self, path: str, content: bytes, media: str, deadline: Deadline) -> Answer:
        """The answer to ``POST path``. Only for questions: what changes something is not asked here.

        Raises:
            CollectionError: as ``get``.
        """
        return self._send("POST", path, deadline, content, {"Content-Type": media})

    def _send(
        self, method: str, path: str, deadline: Deadline, content: bytes | None, more: Mapping[str, str]
    ) -> Answer:
        import urllib3

        url = self._address(path)
        connect = deadline.remaining(CONNECT)
        too_late = f"{url}: no connection within {round(connect, 1):g} s"
        timeout = urllib3.Timeout(connect=connect, read=deadline.remaining())
        proxy = proxy_for(url)
        with self._pool(proxy) as pool:
            try:
                response = pool.request(
                    method,
                    url,
                    body=content,
                    headers={"Accept": self.accept, "User-Agent": "domino-health", **self.headers, **more},
                    timeout=timeout,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                return Answer(response.status, self._body(response, url, deadline), response.headers)
            except urllib3.exceptions.NewConnectionError as error:  # by inheritance a time-out
                raise self._unreachable(url, root_cause(error)) from None
            except urllib3.exceptions.ConnectTimeoutError:
                raise CollectionError(too_late, self._not_there, Outcome.TIMED_OUT) from None
            except urllib3.exceptions.TimeoutError:
                if deadline.seconds_left:  # then it was the TLS handshake, which has as long as connecting
                    raise CollectionError(f"{too_late} (TLS)", self._not_there, Outcome.TIMED_OUT) from None
                raise deadline.passed(f"to {method} {url}") from None
            except urllib3.exceptions.ProxyError as error:
                raise no_way_through(url, proxy, words_of(root_cause(error))) from None
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._unreachable(url, root_cause(error)) from None
            except ValueError:  # whose words quote the header
                raise CollectionError(
                    f"{url}: no header can carry the credential",
                    f"give section {self.section} a valid credential: one line, of plain letters",
                ) from None

    def how(self, path: str, method: str = "GET") -> str:
        """What is asked, and by which proxy: ``GET https://…``."""
        url = self._address(path)
        proxy = proxy_for(url)
        return f"{method} {url}" + (f" by the proxy {shown(proxy)}" if proxy else "")

    def _address(self, path: str) -> str:
        return self.url.rstrip("/") + path if path else self.url

    def quote(self, body: bytes) -> str:
        """The beginning of an answer, without the credential and without line breaks."""
        text = Redactor(self.secrets).scrub(body[: 1 << 16].decode(errors="replace"))
        return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:QUOTED]

    @property
    def _not_there(self) -> str:
        return f"see whether {self.section}.{self.key} is right and can be reached from here"

    def _pool(self, proxy: str) -> "urllib3.PoolManager":
        import urllib3

        if not proxy:
            return urllib3.PoolManager(1, ssl_context=self._context)
        try:
            parts = urlsplit(proxy)
            given = f"{parts.username or ''}:{parts.password or ''}" if parts.username else None
            headers = urllib3.make_headers(proxy_basic_auth=given)
            return urllib3.ProxyManager(proxy, 1, proxy_headers=headers, ssl_context=self._context)
        except (ValueError, urllib3.exceptions.HTTPError) as error:
            raise no_way_through(self.url, proxy, words_of(error)) from None

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Made once: reading the public roots takes as long as a request."""
        import certifi

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certifi.where())
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (ssl.SSLError, OSError):
                raise CollectionError(
                    f"no PEM certificates in {self.ca_file}", f"mend {self.section}.ca_file", Outcome.BROKEN
                ) from None
        return context

    def _body(self, response: "urllib3.BaseHTTPResponse", url: str, deadline: Deadline) -> bytes:
        try:
            return whole_body(response, self.largest, deadline)
        except TooLargeError:
            raise CollectionError(
                f"{url}: more than {_size(self.largest)}",
                f"see what answers at {self.section}.{self.key}: far less was to be expected",
            ) from None

    def _unreachable(self, url: str, cause: BaseException) -> CollectionError:
        cure = tls_cure(cause, "the server", f"{self.section}.ca_file")
        if not cure and broke_off(cause) and not isinstance(cause, ConnectionRefusedError):
            cure = "the address answers: see the health of the server, or of the load balancer before it"
        return CollectionError(f"{url}: {words_of(cause)}", cure or self._not_there)


def no_way_through(where: str, proxy: str, reason: str, outcome: Outcome = Outcome.FAILED) -> CollectionError:
    """The error of a server that the environment's proxy does not lead to."""
    return CollectionError(
        f"{where}: no way through the proxy {shown(proxy)}: {reason}",
        "see the proxy that HTTPS_PROXY names, or name the host in NO_PROXY",
        outcome,
    )


def _size(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 1 << 20 else f"{number >> 10} KiB"
