"""STUBS that inject faults: a listener on loopback, and on it an API server that answers as a test says.

Nothing here is a Kubernetes API server, and no test that passes against it shows that the suite works with
one: that is what ``tests/integration`` is for. A stub is for what a real server cannot be made to do on
demand: to reset a connection in mid-body, to drip, to answer with rubbish, to expire a listing.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

WAIT = 10.0
"""Seconds after which anything here gives up."""


class Listener:
    """A socket on 127.0.0.1 that hands each connection to ``handle``, each in a thread of its own.

    Leaving the ``with`` block stops all of them: ``handle`` must wait only by ``stopped.wait(seconds)`` and
    on its socket, which is then closed under it.
    """

    def __init__(self, handle: Callable[[socket.socket], None]) -> None:
        self.stopped = threading.Event()
        self.connections = 0
        self._handle = handle
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True, name="stub")]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with contextlib.suppress(OSError), socket.create_connection(self._socket.getsockname(), WAIT):
            pass  # it wakes the thread that accepts
        self._threads[0].join(WAIT)
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # of TLS too: no farewell
        for thread in self._threads:
            thread.join(WAIT)
            assert not thread.is_alive(), "a stub's thread did not end"
        self._socket.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self.stopped.is_set():
                connection.close()
                return
            connection.settimeout(WAIT)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True, name="stub")
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # OSError: the other side has gone, or the test is over; ssl.SSLError is one.
        with contextlib.suppress(OSError), connection:
            self._handle(connection)
        self._open.discard(connection)


def reset(connection: socket.socket) -> None:
    """Close with a TCP reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextlib.contextmanager
def never_accepting() -> Iterator[int]:
    """A port that listens and whose backlog is full: connecting to it takes for ever (on Linux)."""
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = open_sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def dead_port() -> int:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass
class Request:
    """One HTTP request as it came."""

    line: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""

    @property
    def method(self) -> str:
        """GET, or POST."""
        return self.line.split()[0]

    @property
    def path(self) -> str:
        """Without its query."""
        return urlsplit(self.line.split()[1]).path

    @property
    def query(self) -> dict[str, str]:
        """The last value of each parameter."""
        return {key: values[-1] for key, values in parse_qs(urlsplit(self.line.split()[1]).query).items()}


@dataclass
class Exchange:
    """A request that waits for its answer, whatever that may be."""

    request: Request
    number: int
    """How many requests came before this one, on any connection."""
    connection: ssl.SSLSocket
    stopped: threading.Event

    def send(self, content: bytes) -> None:
        """These bytes and no others: a status line, headers, a body, or a part of them."""
        self.connection.sendall(content)

    def answer(self, status: int, body: bytes | str | Any = b"", **headers: str) -> None:
        """A whole answer; a body that is no bytes and no str is sent as JSON."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        content = content.encode() if isinstance(content, str) else content
        self.send(head(status, **{"content_length": str(len(content)), **headers}) + content)

    def drip(self, content: bytes, every: float = 0.05) -> None:
        """A byte at a time, so that no single read ever times out."""
        for byte in content:
            self.send(bytes([byte]))
            if self.stopped.wait(every):
                return

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.stopped.wait(WAIT)

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        reset(self.connection)


def head(status: int, **headers: str) -> bytes:
    """A status line and headers (``content_length="3"``)."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode()


Answer = Callable[[Exchange], None]


class FaultServer(Listener):
    """A STUB of an API server: TLS and HTTP/1.1 with keep-alive; ``answer`` says what each request gets."""

    def __init__(self, tls: ssl.SSLContext, answer: Answer) -> None:
        super().__init__(self._speak)
        self.requests: list[Request] = []
        self.answer = answer
        self._tls = tls

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://127.0.0.1:{self.port}"

    def _speak(self, connection: socket.socket) -> None:
        with self._tls.wrap_socket(connection, server_side=True) as secure:
            self._open.add(secure)
            try:
                while (request := _read(secure)) is not None:
                    self.requests.append(request)
                    self.answer(Exchange(request, len(self.requests) - 1, secure, self.stopped))
            finally:
                self._open.discard(secure)


@dataclass
class Script:
    """Answers one request after the other, and the last one for all that follow."""

    answers: list[Answer] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        """Give the answer whose turn it is."""
        self.answers[min(exchange.number, len(self.answers) - 1)](exchange)


def says(status: int, body: bytes | str | Any = b"", **headers: str) -> Answer:
    """An answer that is always the same."""
    return lambda exchange: exchange.answer(status, body, **headers)


def _read(connection: ssl.SSLSocket) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None
        received += more
    start, _, body = received.partition(b"\r\n\r\n")
    line, *lines = start.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Request(line, headers, body)
