"""HTTP over TLS on loopback: what every server of the lab is made of."""

import http.server
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

PATIENCE = 30.0
"""Seconds that a connection may stay silent, in the handshake and between requests."""
STOPPING = 5.0
"""Seconds that a thread may take to end once its connection is cut. It takes milliseconds."""


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    body: bytes
    media: str = "application/json"


Respond = Callable[[str, str], Answer]
"""From a GET's target (path and query) and its header Authorization to the answer."""
Review = Callable[[str, str, bytes], Answer | None]
"""The same for a POST and its body; None for a target that takes none."""

LARGEST_QUESTION = 1 << 16
"""Bytes of a POST's body."""


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection. Knows GET, and POST where a question may be asked; http.server answers 501 to all
    other methods, and closes.
    """

    protocol_version = "HTTP/1.1"  # keeps connections open
    timeout = PATIENCE
    wbufsize = -1  # head and body in one piece, or the second waits for the first's acknowledgement
    server: "TlsServer"

    def do_GET(self) -> None:
        self._send(self.server.respond(self.path, self.headers.get("Authorization", "")))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        asked = b""
        if length.isdecimal() and int(length) <= LARGEST_QUESTION:
            asked = self.rfile.read(int(length))
        answer = self.server.review(self.path, self.headers.get("Authorization", ""), asked)
        if answer is None:
            self.close_connection = True
            self.send_error(501, "Unsupported method ('POST')")
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)  # with the Date, which the fact `clock` is made of
        self.send_header("Cache-Control", "no-cache, private")
        self.send_header("Content-Type", answer.media)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def version_string(self) -> str:
        """What header Server says: a fake that does not say so would be a trap."""
        return "domino-health-lab"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the run."""


class TlsServer(http.server.ThreadingHTTPServer):
    """Answers at a free port of 127.0.0.1, from when it is made until ``stop`` or the end of its context."""

    handler: type[socketserver.BaseRequestHandler] = _Handler
    """What speaks on a connection, once the handshake is done."""
    daemon_threads = True
    request_queue_size = 64  # a run opens all its connections at once

    def __init__(
        self,
        name: str,
        context: ssl.SSLContext,
        respond: Respond,
        review: Review = lambda _target, _authorization, _body: None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.respond = respond
        self.review = review
        self._name = name
        self._context = context
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._workers: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True, name=name)
        self._acceptor.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self

    @property
    def address(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        """Close the port, cut every connection, and wait until all threads have ended."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                # Of the socket below TLS: SSLSocket's own would take TLS away under its reader's hands.
                with suppress(OSError):  # the other side may have cut it already
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in (self._acceptor, *self._workers):
            thread.join(STOPPING)

    # What socketserver calls, in the order of a connection's life

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of our own name: where DNS is slow it takes seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        """Accept. The handshake is the connection's own thread's: a slow client holds up nobody."""
        raw, address = super().get_request()
        try:
            raw.getpeername()  # fails for a client that has gone: wrap_socket would lose its socket
            wrapped = self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        except OSError:  # socketserver passes over it
            raw.close()
            raise
        wrapped.settimeout(PATIENCE)
        return wrapped, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, as ThreadingMixIn does, but remember both: ``stop`` ends them."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            daemon=True,
            name=f"{self._name}, a connection",
        )
        with self._lock:
            self._connections.add(request)
        self._workers = [*(thread for thread in self._workers if thread.is_alive()), thread]
        thread.start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then answer requests until the connection ends."""
        request.do_handshake()
        super().finish_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Forget the connection; under the lock, so that ``stop`` cuts no other with its number."""
        with self._lock:
            self._connections.discard(request)
            super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that break off or refuse our certificate; a fault of our own is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
