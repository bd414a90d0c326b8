"""What is kept of a TLS Secret: its certificates. Its private key is never decoded."""

import msgspec

from domino_health.facts.tls import Certificate
from domino_health.vocabulary import Ref


class TlsSecret(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Secret that the profile names, whether it is there or not."""

    cluster: str
    namespace: str
    name: str
    certificates: tuple[Certificate, ...] = ()
    """Of ``tls.crt``, the Secret's own first."""
    authorities: tuple[Certificate, ...] = ()
    """Of ``ca.crt``: those that its certificate is to be trusted by."""
    problem: str = ""
    """What keeps it from being used at all: it is not there, it holds no certificate, one cannot be read."""
    mismatch: str = ""
    """OpenSSL's words for why no certificate of ``ca.crt`` has issued its own; empty where one has."""

    issuers: tuple[str, ...] = ()
    """Fingerprints of those of ``ca.crt`` that have signed its own: a CA and its renewal may both have."""

    @property
    def ref(self) -> Ref:
        """The Secret."""
        return Ref(self.cluster, "secret", self.namespace, self.name)

    @property
    def named(self) -> tuple[tuple[str, Certificate], ...]:
        """Every certificate once, with the key that it stands under; a root's own is often under both."""
        seen = {certificate.sha256 for certificate in self.certificates}
        return (
            *(("tls.crt", certificate) for certificate in self.certificates),
            *(("ca.crt", certificate) for certificate in self.authorities if certificate.sha256 not in seen),
        )
