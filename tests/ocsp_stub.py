"""A STUB of an authority's OCSP responder: plain HTTP on loopback, and answers as a test wants them."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from certificates import Issued, days

Answer = Callable[[bytes], tuple[int, bytes]]
"""From a question, DER, to a status and a body."""


@contextmanager
def responder(answer: Answer) -> Iterator[str]:
    """A responder's URL, as long as it answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def says(
    own: x509.Certificate,
    issuer: Issued,
    *,
    revoked: datetime | None = None,
    by: Issued | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    status: ocsp.OCSPCertStatus | None = None,
) -> bytes:
    """An authority's word on one of its certificates, DER.

    Args:
        own: the certificate.
        issuer: the authority.
        revoked: when it revoked it.
        by: who signs the answer; by default the authority.
        since: when the answer begins to hold; by default an hour ago.
        until: when it ends to; by default tomorrow.
        status: another one than good and revoked.
    """
    signer = by or issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=own,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),
        cert_status=status or (ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD),
        this_update=since or days(-1 / 24),
        next_update=until or days(1),
        revocation_time=revoked,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    if by:
        builder = builder.certificates([by.certificate])
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    return signed.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)
