"""What a document of SAML metadata says (OASIS, Metadata for SAML V2.0), in the words of ``facts.saml``."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from domino_health.collectors.certificates import certificate_of
from domino_health.collectors.xml import DS, NoXmlError, verified
from domino_health.facts.saml import SamlKey, SamlMetadata, SamlService
from domino_health.facts.tls import Certificate
from domino_health.vocabulary import clean

if TYPE_CHECKING:
    from cryptography import x509

MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
MOST = 100
"""Keys, addresses and formats of one identity provider. Real ones have at most a dozen."""
LONGEST = 2048
"""Characters of a name or address."""
_DURATION = re.compile(
    r"P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})(?:\.\d+)?S)?)?"
)


class NoMetadataError(Exception):
    """A document that is no metadata of the identity provider that was looked for, and why."""


def read(
    content: bytes, name: str, source: str, signers: "Sequence[x509.Certificate]", entity_id: str = ""
) -> SamlMetadata:
    """The identity provider that a document describes.

    Args:
        content: the document.
        name: what the profile calls the identity provider.
        source: where the document came from.
        signers: by one of whom it must be signed; nobody: not checked.
        entity_id: which identity provider, where the document describes several.

    Raises:
        NoMetadataError: there is none.
    """
    try:
        root, signature = verified(content, signers)
    except NoXmlError as error:
        raise NoMetadataError(str(error)) from None
    entity = _entity(root, entity_id)
    role = entity.find(f"{MD}IDPSSODescriptor")
    parts = [root, entity, role]
    keys, unreadable = _keys(role)
    return SamlMetadata(
        name=name,
        source=source,
        entity_id=_text(entity.get("entityID", "")),
        keys=keys,
        unreadable_keys=unreadable,
        sign_on=_services(role, "SingleSignOnService"),
        log_out=_services(role, "SingleLogoutService"),
        name_ids=tuple(_text(each.text or "") for each in role.findall(f"{MD}NameIDFormat")[:MOST]),
        wants_signed_requests=role.get("WantAuthnRequestsSigned") in ("true", "1"),
        signature=signature.state,
        signature_problem=signature.problem,
        signature_method=_text(signature.method),
        digest_method=_text(signature.digest),
        valid_until=min(_moments(parts), default=None),
        cache_duration=min(_durations(parts), default=None),
        sha256=hashlib.sha256(content).hexdigest(),
        expected_entity_id=entity_id,
        pinned=bool(signers),
    )


def _entity(root: Any, entity_id: str) -> Any:
    if root.tag not in (f"{MD}EntityDescriptor", f"{MD}EntitiesDescriptor"):
        raise NoMetadataError(f"no SAML metadata: its root is {_text(str(root.tag))}")
    entities = [root] if root.tag == f"{MD}EntityDescriptor" else root.findall(f".//{MD}EntityDescriptor")
    providers = [each for each in entities if each.find(f"{MD}IDPSSODescriptor") is not None]
    if not providers:
        raise NoMetadataError("it describes no identity provider (no IDPSSODescriptor)")
    if len(providers) == 1:
        return providers[0]
    named = [each for each in providers if each.get("entityID") == entity_id]
    if len(named) == 1:
        return named[0]
    which = f"{len(named)} of them are called {entity_id}" if entity_id else "the profile does not say which"
    raise NoMetadataError(f"it describes {len(providers)} identity providers, and {which}")


def _keys(role: Any) -> tuple[tuple[SamlKey, ...], int]:
    """The certificates, and how many keys are none that can be read."""
    keys: dict[SamlKey, None] = {}
    unreadable = 0
    for key in role.findall(f"{MD}KeyDescriptor")[:MOST]:
        read = [certificate_in(each.text or "") for each in key.findall(f".//{DS}X509Certificate")[:MOST]]
        certificates = [each for each in read if each is not None]
        unreadable += len(read) - len(certificates) if read else 1
        keys.update(dict.fromkeys(SamlKey(each, _text(key.get("use", ""))) for each in certificates))
    return tuple(keys), unreadable


def certificate_in(text: str) -> Certificate | None:
    """A certificate, DER in base64, perhaps broken into lines; None: it is none."""
    from cryptography import x509

    try:
        der = base64.b64decode("".join(text.split()), validate=True)
        return certificate_of(x509.load_der_x509_certificate(der))
    except (binascii.Error, ValueError, x509.InvalidVersion):
        return None


def _services(role: Any, kind: str) -> tuple[SamlService, ...]:
    return tuple(
        SamlService(_text(each.get("Binding", "")).rpartition(":")[2], _text(each.get("Location", "")))
        for each in role.findall(f"{MD}{kind}")[:MOST]
    )


def _moments(parts: Iterable[Any]) -> list[datetime]:
    return [moment(written) for part in parts if (written := part.get("validUntil")) is not None]


def moment(written: str) -> datetime:
    """A moment as XML writes it (xs:dateTime); without a zone it is UTC (SAML core, 1.3.3).

    Raises:
        NoMetadataError: it is none.
    """
    try:
        read = datetime.fromisoformat(written.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoMetadataError(f"validUntil is no moment: {_text(written)[:60]}") from None


def _durations(parts: Iterable[Any]) -> list[timedelta]:
    return [_duration(written) for part in parts if (written := part.get("cacheDuration")) is not None]


def _duration(written: str) -> timedelta:
    match = _DURATION.fullmatch(written.strip())
    given = {unit: int(number) for unit, number in match.groupdict().items() if number} if match else {}
    if not given:
        raise NoMetadataError(f"cacheDuration is no duration: {_text(written)[:60]}")
    days = 365 * given.pop("years", 0) + 30 * given.pop("months", 0) + given.pop("days", 0)
    return timedelta(days=days, **given)


def _text(written: str) -> str:
    return clean(" ".join(written.split()))[:LONGEST]
