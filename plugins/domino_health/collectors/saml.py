"""The SAML metadata of each identity provider of section ``saml``, from its URL or a file."""

import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial

import msgspec

from domino_health.collectors import xml
from domino_health.collectors.looking import CollectionError, Deadline, Look, Target
from domino_health.collectors.saml_metadata import NoMetadataError, read
from domino_health.collectors.server import Answer
from domino_health.collectors.web import NEEDS, Site
from domino_health.facts.observed import Outcome
from domino_health.facts.saml import SamlMetadata
from domino_health.profile import files
from domino_health.profile.saml import IdentityProvider, Saml

LARGEST = 16 << 20
"""Bytes of a document. One identity provider's has ten kB; a federation's of a thousand has 10 MB."""


def saml_metadata(look: Look) -> list[Target[SamlMetadata]]:
    """Every identity provider of section ``saml``."""
    section = look.profile.saml
    if section is None:
        return []
    return [
        Target(
            provider.name,
            _site(section, provider).how("") if provider.metadata_url else f"read {provider.metadata_file}",
            section.deadline,
            partial(_look, section, provider),
            (*NEEDS, *xml.NEEDS, "cryptography.x509"),
        )
        for provider in section.identity_providers
    ]


def _site(section: Saml, provider: IdentityProvider) -> Site:
    return Site(
        "saml",
        provider.metadata_url or "",
        section.ca_file,
        largest=LARGEST,
        accept="application/samlmetadata+xml, application/xml, text/xml",
        key="metadata_url",
    )


def _look(
    section: Saml, provider: IdentityProvider, deadline: Deadline, _say: Callable[[str], None]
) -> list[SamlMetadata]:
    skew = None
    if provider.metadata_url:
        source = provider.metadata_url
        began = time.time()
        answer = _site(section, provider).get("", deadline)
        skew = skew_of(answer, began, time.time())
        content = _content(answer, source)
    else:
        source = str(provider.metadata_file)
        content = _file(provider)
    try:
        signers = xml.certificates_in(provider.signed_by) if provider.signed_by else []
    except (OSError, ValueError):
        raise CollectionError(
            f"no PEM certificates in {provider.signed_by}", "mend saml's signed_by", Outcome.BROKEN
        ) from None
    try:
        metadata = read(content, provider.name, source, signers, provider.entity_id or "")
    except NoMetadataError as error:
        raise CollectionError(
            f"{source}: {error}", "see what it is: the identity provider's SAML 2.0 metadata is wanted"
        ) from None
    return [msgspec.structs.replace(metadata, broker=provider.broker or "", skew=skew)]


def _content(answer: Answer, source: str) -> bytes:
    if answer.status == 200:
        return answer.body
    if 300 <= answer.status < 400:
        location = str(answer.headers.get("Location", "")).partition("?")[0]
        raise CollectionError(
            f"{source} leads on to {location or 'nowhere'} (status {answer.status})",
            "name the address that it leads to as metadata_url, if it is the identity provider's",
        )
    denied = answer.status in (401, 403)
    raise CollectionError(
        f"{source} answered with status {answer.status}",
        "metadata is public, as a rule: ask who runs the identity provider, or name a file in metadata_file"
        if denied
        else "see whether metadata_url is right, and the health of the identity provider",
        Outcome.DENIED if denied else Outcome.FAILED,
    )


def _file(provider: IdentityProvider) -> bytes:
    assert provider.metadata_file is not None, "the profile has one of the two"
    try:
        content = files.read(provider.metadata_file, LARGEST)
    except ValueError as error:
        raise CollectionError(f"{provider.metadata_file}: {error}", "see who puts it there") from None
    if len(content) > LARGEST:
        raise CollectionError(
            f"{provider.metadata_file}: more than {LARGEST >> 20} MiB",
            "keep the identity provider's part alone",
        )
    return content


def skew_of(answer: Answer, began: float, ended: float) -> float | None:
    """Seconds by which a server's clock is ahead of ours, by its header ``Date``; None: it does not say.

    It tells whole seconds, so less than one is none. What a cache had kept (``Age``) is added.
    """
    try:
        told = parsedate_to_datetime(answer.headers.get("Date", ""))
        age = float(answer.headers.get("Age", "0"))
    except (TypeError, ValueError):
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    ahead = told.timestamp() + 0.5 + age - (began + ended) / 2
    uncertain = 0.5 + (ended - began) / 2
    return 0.0 if abs(ahead) <= uncertain else round(ahead, 1)
