"""The certificates of the Secrets that the profile names, and nothing else of any Secret.

Reading Secrets is opt-in: one at a time, by its name. Of its data only ``tls.crt`` and ``ca.crt`` are
decoded; the private key beside them passes by as bytes of the answer, which nobody keeps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from domino_health.collectors.certificates import NO_CHECK_TIME, certificate_of
from domino_health.collectors.cluster import connect, how
from domino_health.collectors.looking import Deadline, Look, NothingToLookAtError, Target
from domino_health.collectors.way_in import NEEDS
from domino_health.facts.rights import Right
from domino_health.facts.secrets import TlsSecret
from domino_health.facts.tls import Certificate
from domino_health.profile.clusters import Cluster

if TYPE_CHECKING:
    from cryptography import x509


class _Data(msgspec.Struct, frozen=True):
    """All that is decoded of ``data``: what is not named here is skipped."""

    own: bytes | None = msgspec.field(name="tls.crt", default=None)
    """There, and empty: Kubernetes wants it of type ``kubernetes.io/tls``, issued or not."""
    authority: bytes | None = msgspec.field(name="ca.crt", default=None)


class _Secret(msgspec.Struct, frozen=True):
    data: _Data | None = None


_DECODER = msgspec.json.Decoder(_Secret)


@dataclass(frozen=True)
class TlsSecrets:
    """A collector: the Secrets that the clusters of the profile name, each by a GET of its own."""

    what: str = "The certificates of the TLS Secrets that the profile names; never their keys."
    opt_in: str = "clusters[].secrets"
    """The profile's key without which nobody looks."""
    rights: tuple[Right, ...] = (Right("secrets", "get", opt_in="secrets"),)

    def __call__(self, look: Look) -> list[Target[TlsSecret]]:
        """One target a Secret.

        Raises:
            NothingToLookAtError: none is named.
        """
        targets = [
            _target(look, cluster, *named.split("/"))
            for cluster in look.profile.clusters or ()
            for named in cluster.secrets or ()
        ]
        if not targets:
            raise NothingToLookAtError(
                f"reading Secrets is opt-in, and the profile names none ({self.opt_in}: [namespace/name])"
            )
        return targets


tls_secrets = TlsSecrets()


def _target(look: Look, cluster: Cluster, namespace: str, name: str) -> Target[TlsSecret]:
    path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
    work = partial(_look, look, cluster, namespace, name, path)
    needs = (*NEEDS, "OpenSSL.crypto", "cryptography.x509")
    return Target(
        f"{cluster.name}/{namespace}/{name}", how(look, cluster, path), cluster.deadline, work, needs
    )


def _look(
    look: Look,
    cluster: Cluster,
    namespace: str,
    name: str,
    path: str,
    deadline: Deadline,
    say: Callable[[str], None],
) -> list[TlsSecret]:
    connection = connect(look, cluster, deadline, say)
    found: _Secret | None = connection.find(path, _DECODER, deadline)
    named = TlsSecret(cluster.name, namespace, name)
    if found is None:
        return [msgspec.structs.replace(named, problem="it is not there")]
    return [_read(named, found.data or _Data())]


def _read(named: TlsSecret, data: _Data) -> TlsSecret:
    """What its data says, as far as it can be read."""
    if not (data.own or data.authority):
        return msgspec.structs.replace(
            named, problem="it holds no certificate, neither in tls.crt nor in ca.crt"
        )
    own, kept, problem = certificates_in("tls.crt", data.own or b"")
    authorities, kept_too, problem_too = certificates_in("ca.crt", data.authority or b"")
    if data.own == b"":
        problem = "its tls.crt is empty"
    return msgspec.structs.replace(
        named,
        certificates=kept,
        authorities=kept_too,
        problem="; ".join(filter(None, (problem, problem_too))),
        mismatch=_mismatch(own, authorities) if own and authorities else "",
        issuers=tuple(
            each.sha256
            for authority, each in zip(authorities, kept_too, strict=True)
            if own and _has_issued(authority, own[0])
        ),
    )


def certificates_in(
    key: str, pem: bytes
) -> tuple[Sequence["x509.Certificate"], tuple[Certificate, ...], str]:
    """Certificates, what is kept of them, and what is wrong. All of one key, or none."""
    from cryptography import x509

    if not pem:
        return (), (), ""
    try:
        read = x509.load_pem_x509_certificates(pem)
        return read, tuple(map(certificate_of, read)), ""
    # ValueError's words may quote what stands there, and that might be a key in the wrong place.
    except (ValueError, x509.InvalidVersion):
        return (), (), f"its {key} holds something that is no certificate (PEM)"


def _has_issued(authority: "x509.Certificate", own: "x509.Certificate") -> bool:
    """Whether the signature is its own, not that of another CA of its name."""
    from cryptography import exceptions

    try:
        own.verify_directly_issued_by(authority)
    except (ValueError, TypeError, exceptions.InvalidSignature, exceptions.UnsupportedAlgorithm):
        return False
    return True


def _mismatch(own: Sequence["x509.Certificate"], authorities: Sequence["x509.Certificate"]) -> str:
    """Why the first certificate is not issued by an authority, through the others beside it or not."""
    from OpenSSL import crypto

    store = crypto.X509Store()
    for authority in authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
    # An intermediate CA's certificate may be what is trusted: it need not lead to a root.
    store.set_flags(NO_CHECK_TIME | crypto.X509StoreFlags.PARTIAL_CHAIN)
    first, *others = map(crypto.X509.from_cryptography, own)
    try:
        crypto.X509StoreContext(store, first, others).verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error.args[0])
    return ""
