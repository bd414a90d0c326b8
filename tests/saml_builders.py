"""Facts of identity providers for tests, healthy unless told otherwise."""

from typing import Any

from builders import certificate
from domino_health.facts.saml import SamlKey, SamlMetadata, SamlService
from domino_health.facts.tls import Certificate

SIGN_ON = "https://idp.example.com/sso"
ENTITY = "https://idp.example.com"


def metadata(*signing: Certificate, encryption: tuple[Certificate, ...] = (), **more: Any) -> SamlMetadata:
    """What an identity provider publishes: one signing certificate, and where to log in."""
    keys = [SamlKey(each, "signing") for each in signing or (signs(),)]
    keys += [SamlKey(each, "encryption") for each in encryption]
    given: dict[str, Any] = {
        "name": "idp",
        "source": "https://idp.example.com/metadata",
        "entity_id": ENTITY,
        "keys": tuple(keys),
        "sign_on": (SamlService("HTTP-Redirect", SIGN_ON), SamlService("HTTP-POST", SIGN_ON)),
        "signature": "valid",
        "signature_method": "rsa-sha256",
        "digest_method": "sha256",
        "pinned": True,
    }
    return SamlMetadata(**{**given, **more})


def signs(name: str = "CN=signs", number: int = 0, **more: Any) -> Certificate:
    """A certificate that signs itself, as those of identity providers do."""
    import msgspec

    made = certificate(name, issuer=name, names=(), **more)
    return msgspec.structs.replace(made, sha256=f"{number:02x}" * 32, serial=f"{number:x}")
