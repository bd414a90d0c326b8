"""SAML metadata: read from a URL or a file, in time, bounded; a signature counts by a known key alone.

The documents are those of the lab's identity provider, which no product wrote; those of real ones are read in
``tests/integration``.
"""

import gzip
import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certificates import days
from domino_health.collectors import previous, saml, saml_metadata
from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NothingToLookAtError,
    Shared,
)
from domino_health.collectors.saml_metadata import NoMetadataError, read
from domino_health.facts.observed import Outcome
from domino_health.facts.saml import SamlMetadata, SamlService
from domino_health.lab import saml_documents as documents
from domino_health.lab.saml_documents import SigningKey, signing_key
from domino_health.profile import Profile
from fault_server import dead_port, says
from stubs import SLACK, StartStub, Trust, opened, plain_environment, stub, trust  # noqa: F401

pytestmark = pytest.mark.usefixtures("plain_environment")

ENTITY = "https://idp.example.com"
SIGN_ON = "https://idp.example.com/sso"


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return signing_key("idp", days(-10), days(300))


@pytest.fixture(scope="module")
def other() -> SigningKey:
    return signing_key("other", days(-10), days(300))


def document(*keys: SigningKey, **more: Any) -> bytes:
    return documents.metadata(ENTITY, SIGN_ON, keys, **more)


def understood(content: bytes, *signers: SigningKey, entity_id: str = "") -> SamlMetadata:
    return read(content, "idp", "file", [each.certificate for each in signers], entity_id)


def refused(content: bytes, entity_id: str = "") -> str:
    with pytest.raises(NoMetadataError) as caught:
        understood(content, entity_id=entity_id)
    return str(caught.value)


# What it says


def test_what_a_document_says_is_kept(key: SigningKey) -> None:
    until = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)

    kept = understood(
        document(key, valid_until=until, cache=timedelta(hours=6), wants_signed_requests=True), key
    )

    assert kept.entity_id == ENTITY
    assert [(each.use, each.certificate.subject) for each in kept.keys] == [("signing", "CN=idp")]
    assert kept.sign_on == (SamlService("HTTP-Redirect", SIGN_ON), SamlService("HTTP-POST", SIGN_ON))
    assert kept.name_ids == (documents.EMAIL,)
    assert (kept.valid_until, kept.cache_duration) == (until, timedelta(hours=6))
    assert kept.wants_signed_requests
    assert len(kept.sha256) == 64


def test_a_key_without_a_use_is_for_both(key: SigningKey, other: SigningKey) -> None:
    both = understood(document(key, use=""))
    encrypts = understood(document(key, use="encryption"))

    assert both.signing == both.encryption != ()
    assert (len(encrypts.signing), len(encrypts.encryption)) == (0, 1)
    assert len(understood(document(key, other)).signing) == 2


def test_a_key_that_is_published_twice_is_one(key: SigningKey) -> None:
    assert len(understood(document(key, key)).keys) == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2027-01-02T03:04:05Z", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02T03:04:05.1234567Z", datetime(2027, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2027-01-02T05:04:05+02:00", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02T03:04:05", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_xml_writes_it(written: str, meant: datetime) -> None:
    assert saml_metadata.moment(written) == meant


@pytest.mark.parametrize("written", ["", "tomorrow", "2027-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00"])
def test_what_is_no_moment_is_refused(written: str) -> None:
    assert "no moment" in refused(document().replace(b" ID=", b' validUntil="%s" ID=' % written.encode()))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P1D", timedelta(days=1)),
        ("P1Y2M3DT4H5M6.7S", timedelta(days=365 + 60 + 3, hours=4, minutes=5, seconds=6)),
        ("PT604800S", timedelta(days=7)),
    ],
)
def test_a_duration_is_read_as_xml_writes_it(written: str, meant: timedelta) -> None:
    content = document().replace(b" ID=", b' cacheDuration="%s" ID=' % written.encode())

    assert understood(content).cache_duration == meant


@pytest.mark.parametrize("written", ["", "P", "PT", "1H", "P-1D", "P99999999999D"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    content = document().replace(b" ID=", b' cacheDuration="%s" ID=' % written.encode())

    assert "no duration" in refused(content)


def test_the_earliest_end_counts(key: SigningKey) -> None:
    later, sooner = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC)
    content = document(key, valid_until=later).replace(
        b"<md:IDPSSODescriptor ", b'<md:IDPSSODescriptor validUntil="2026-12-24T00:00:00Z" '
    )

    assert understood(content).valid_until == sooner


def test_a_certificate_may_be_broken_into_lines(key: SigningKey) -> None:
    lines = "\n  ".join(key.base64[at : at + 64] for at in range(0, len(key.base64), 64))

    assert len(understood(document(key).replace(key.base64.encode(), lines.encode())).keys) == 1


@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", "MIIC"])
def test_a_key_that_cannot_be_read_is_counted(key: SigningKey, text: str) -> None:
    kept = understood(document(key).replace(key.base64.encode(), text.encode()))

    assert (kept.keys, kept.unreadable_keys) == ((), 1)


def test_a_key_without_a_certificate_is_counted(key: SigningKey) -> None:
    content = document(key).replace(b"X509Certificate", b"X509SubjectName")

    assert understood(content).unreadable_keys == 1


# Several in one document


def federation(*entities: bytes, attributes: bytes = b"") -> bytes:
    inner = b"".join(each.split(b"?>\n", 1)[1] for each in entities)
    return b'<md:EntitiesDescriptor xmlns:md="%s"%s>%s</md:EntitiesDescriptor>' % (
        documents.MD.encode(),
        attributes,
        inner,
    )


def test_of_several_the_one_that_the_profile_names_is_read(key: SigningKey, other: SigningKey) -> None:
    second = document(other).replace(ENTITY.encode() + b'"', b'urn:b"')

    assert understood(federation(document(key), second), entity_id="urn:b").entity_id == "urn:b"


def test_a_document_that_wraps_one_needs_no_name(key: SigningKey) -> None:
    assert understood(federation(document(key))).entity_id == ENTITY


@pytest.mark.parametrize(
    ("entity_id", "words"), [("", "the profile does not say which"), ("urn:c", "0 of them are called urn:c")]
)
def test_of_several_none_is_taken_at_random(key: SigningKey, entity_id: str, words: str) -> None:
    second = document(key).replace(ENTITY.encode() + b'"', b'urn:b"')

    told = refused(federation(document(key), second), entity_id=entity_id)

    assert told == f"it describes 2 identity providers, and {words}"


def test_the_end_of_the_whole_federation_counts(key: SigningKey) -> None:
    content = federation(document(key), attributes=b' validUntil="2026-12-24T00:00:00Z"')

    assert understood(content).valid_until == datetime(2026, 12, 24, tzinfo=UTC)


# The signature


def test_a_signature_by_the_pinned_key_is_valid(key: SigningKey) -> None:
    kept = understood(document(key, signed_by=key), key)

    assert (kept.signature, kept.signature_problem, kept.signature_method, kept.digest_method) == (
        "valid",
        "",
        "rsa-sha256",
        "sha256",
    )
    assert kept.pinned


def test_one_of_several_pinned_keys_is_enough(key: SigningKey, other: SigningKey) -> None:
    assert understood(document(key, signed_by=key), other, key).signature == "valid"


def test_the_certificate_inside_of_the_document_proves_nothing(key: SigningKey, other: SigningKey) -> None:
    # It is signed well, by the key that it brings along.
    kept = understood(document(other, signed_by=other), key)

    assert kept.signature == "invalid"
    assert "another key" in kept.signature_problem


def test_a_document_that_was_changed_is_said_to_be(key: SigningKey) -> None:
    content = document(key, signed_by=key).replace(SIGN_ON.encode(), b"https://evil.example.com/sso")

    kept = understood(content, key)

    assert (kept.signature, kept.signature_problem) == (
        "invalid",
        "the document was changed after it was signed",
    )


def test_without_a_pinned_key_nothing_is_checked(key: SigningKey) -> None:
    kept = understood(document(key, signed_by=key))

    assert (kept.signature, kept.pinned) == ("not checked", False)


def test_a_document_without_a_signature_has_none(key: SigningKey) -> None:
    assert understood(document(key), key).signature == "none"


def test_a_pinned_key_whose_certificate_has_ended_still_signs(other: SigningKey) -> None:
    # When a certificate ends is IDP-002's to judge; whose key it is does not change.
    ended = signing_key("ended", days(-30), days(-1))

    assert understood(document(ended, signed_by=ended), ended).signature == "valid"


def test_a_signature_over_a_part_is_none_over_the_whole(key: SigningKey) -> None:
    signed = document(key, signed_by=key)

    kept = understood(federation(signed), key)

    assert kept.signature == "none", "a part of the document is signed, and the rest is not"


def test_a_document_wrapped_around_a_signed_one_is_not_believed(key: SigningKey, other: SigningKey) -> None:
    """Signature wrapping: the signature is genuine, and covers what nobody reads."""
    from lxml import etree

    genuine = etree.fromstring(document(key, signed_by=key))
    signature = genuine.find(f"{{{documents.DS}}}Signature")
    forged = etree.fromstring(document(other))
    forged.set("ID", "_forged")
    holder = etree.SubElement(signature, f"{{{documents.DS}}}Object")
    forged.insert(0, signature)
    holder.append(genuine)

    kept = understood(documents.written(forged), key)

    assert kept.signature == "invalid"


# No XML, or none that is read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"no xml",
        b"<html><body>sign in</body></html>",
        b"<a>",
        b"\x00" * 100,
        b"\xff\xfe<\x00a",
        b'{"error": "not found"}',
        b'<?xml version="1.0" encoding="no-such-encoding"?><a/>',
    ],
)
def test_what_is_no_metadata_is_told_as_none(content: bytes) -> None:
    assert refused(content).startswith(("no XML", "no SAML metadata"))


LAUGHS = b"""<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>"""
EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
REMOTE = b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd">'


@pytest.mark.parametrize("doctype", [LAUGHS, EXTERNAL, REMOTE, b"<!DOCTYPE html>"])
@pytest.mark.parametrize("inside", [b"&d;", b"&x;", b""])
def test_a_document_type_is_refused_whatever_is_in_it(doctype: bytes, inside: bytes) -> None:
    began = time.monotonic()
    content = doctype + b'<md:EntityDescriptor xmlns:md="%s">%s</md:EntityDescriptor>' % (
        documents.MD.encode(),
        inside,
    )

    told = refused(content)

    assert time.monotonic() - began < SLACK
    assert "no XML" in told or "document type" in told
    assert "root:" not in told


def test_a_service_provider_alone_is_no_identity_provider(key: SigningKey) -> None:
    content = document(key).replace(b"IDPSSODescriptor", b"SPSSODescriptor")

    assert refused(content) == "it describes no identity provider (no IDPSSODescriptor)"


def test_deep_and_wide_documents_are_bounded(key: SigningKey) -> None:
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    wide = document(*[key] * 3).replace(
        b"<md:NameIDFormat>", b"<md:NameIDFormat>x</md:NameIDFormat>" * 5000 + b"<md:NameIDFormat>"
    )

    assert refused(deep).startswith("no XML")
    assert len(understood(wide).name_ids) == saml_metadata.MOST


def test_control_characters_and_long_names_are_cut(key: SigningKey) -> None:
    content = document(key).replace(ENTITY.encode() + b'"', "\u202e".encode() + b"x" * 5000 + b'"')

    kept = understood(content)

    assert len(kept.entity_id) == saml_metadata.LONGEST
    assert "\u202e" not in kept.entity_id


def test_garbage_never_passes_for_what_was_signed(key: SigningKey) -> None:
    """Two thousand documents with something wrong in them, always the same ones."""
    rng = random.Random(11)
    good = document(key, signed_by=key)
    signed = understood(good, key)
    began = time.monotonic()
    for _ in range(2000):
        content = mutated(rng, good)
        try:
            kept = understood(content, key)
        except NoMetadataError:
            continue
        if kept.signature == "valid":  # what was changed does not matter: white space outside, say
            assert (kept.entity_id, kept.keys, kept.sign_on) == (
                signed.entity_id,
                signed.keys,
                signed.sign_on,
            )
    assert time.monotonic() - began < 120


def test_a_document_whose_parts_are_moved_never_passes_for_what_was_signed(key: SigningKey) -> None:
    """A thousand documents of sound XML, with elements and attributes lost, doubled, swapped and renamed."""
    from lxml import etree

    rng = random.Random(13)
    good = document(key, signed_by=key)
    signed = understood(good, key)
    states = set()
    for _ in range(1000):
        root = etree.fromstring(good)
        for _ in range(rng.randrange(1, 4)):
            rearrange(rng, root)
        try:
            kept = understood(etree.tostring(root), key)
        except NoMetadataError:
            continue
        states.add(kept.signature)
        if kept.signature == "valid":
            assert (kept.entity_id, kept.keys, kept.sign_on) == (
                signed.entity_id,
                signed.keys,
                signed.sign_on,
            )
    assert states == {"none", "invalid", "valid"}


def rearrange(rng: random.Random, root: Any) -> None:
    import copy

    element = rng.choice([each for each in root.iter() if each is not root] or [root])
    parent = element.getparent()
    kind = rng.randrange(6)
    if parent is None or kind == 0:
        root.set(rng.choice(["ID", "entityID", "validUntil", "x"]), rng.choice(["", "_metadata", "urn:x"]))
    elif kind == 1:
        parent.remove(element)
    elif kind == 2:
        parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(element))
    elif kind == 3:
        rng.choice(list(root.iter())).append(copy.deepcopy(element))
    elif kind == 4:
        element.text = rng.choice(["", "AAAA", "urn:x", "\u202e", (element.text or "")[::-1]])
    elif element.attrib:
        element.set(rng.choice(list(element.attrib)), rng.choice(["", "signing", "urn:x", "#_metadata"]))


def mutated(rng: random.Random, good: bytes) -> bytes:
    content = bytearray(good)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(content))
        kind = rng.randrange(5)
        if kind == 0:
            content[at] = rng.randrange(256)
        elif kind == 1:
            del content[at : at + rng.randrange(1, 200)]
        elif kind == 2:
            content[at:at] = rng.randbytes(rng.randrange(1, 20))
        elif kind == 3:
            content[at:at] = content[at : at + rng.randrange(1, 400)]
        else:
            content = content[: at or 1]
        if not content:
            break
    return bytes(content)


def test_garbage_in_place_of_a_certificate_is_none(key: SigningKey) -> None:
    import base64

    from cryptography.hazmat.primitives.serialization import Encoding

    rng = random.Random(12)
    der = key.certificate.public_bytes(Encoding.DER)
    for _ in range(2000):
        broken = mutated(rng, der)
        kept = saml_metadata.certificate_in(base64.b64encode(broken).decode())
        assert kept is None or kept.sha256


# Looking


def looked(tmp_path: Path, seconds: float = 5, ca_file: Path | None = None, **provider: Any) -> SamlMetadata:
    section = {
        "identity_providers": [{"name": "idp", **provider}],
        **({"ca_file": str(ca_file)} if ca_file else {}),
    }
    profile = Profile.model_validate({"version": 1, "saml": section})
    (target,) = saml.saml_metadata(Look(profile, Shared()))
    (seen,) = target.look(Deadline(timedelta(seconds=seconds)), lambda _: None)
    return seen


def test_metadata_is_fetched_over_tls_that_is_verified(
    stub: StartStub, trust: Trust, tmp_path: Path, key: SigningKey
) -> None:
    server = stub(says(200, document(key)))

    kept = looked(tmp_path, ca_file=trust.ca_file, metadata_url=f"{server.url}/metadata?tenant=1")

    assert kept.source == f"{server.url}/metadata?tenant=1"
    assert server.requests[0].line == "GET /metadata?tenant=1 HTTP/1.1"
    assert "authorization" not in server.requests[0].headers
    with pytest.raises(CollectionError, match="certificate verify failed") as caught:
        looked(tmp_path, metadata_url=f"{server.url}/metadata")
    assert "saml.ca_file" in caught.value.cure


def test_the_environment_decides_nothing_about_trust(
    stub: StartStub, trust: Trust, tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(trust.ca_file))
    server = stub(says(200, document(key)))

    with pytest.raises(CollectionError):
        looked(tmp_path, metadata_url=server.url)


@pytest.mark.parametrize("ahead", [-3600, -40, 0, 40, 3600])
def test_the_clock_of_the_server_is_told(
    stub: StartStub, trust: Trust, tmp_path: Path, key: SigningKey, ahead: int
) -> None:
    told = datetime.now(UTC) + timedelta(seconds=ahead)
    date = told.strftime("%a, %d %b %Y %H:%M:%S GMT")
    server = stub(says(200, document(key), date=date))

    skew = looked(tmp_path, ca_file=trust.ca_file, metadata_url=server.url).skew

    assert skew is not None
    assert abs(skew - ahead) < SLACK


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Foo 2026 00:00:00 GMT"])
def test_a_server_without_a_clock_tells_none(
    stub: StartStub, trust: Trust, tmp_path: Path, key: SigningKey, date: str
) -> None:
    server = stub(says(200, document(key), **({"date": date} if date else {})))

    assert looked(tmp_path, ca_file=trust.ca_file, metadata_url=server.url).skew is None


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "words"),
    [
        (404, {}, Outcome.FAILED, "answered with status 404"),
        (500, {}, Outcome.FAILED, "answered with status 500"),
        (403, {}, Outcome.DENIED, "answered with status 403"),
        (
            302,
            {"location": "https://login.example.com/?secret=1"},
            Outcome.FAILED,
            "leads on to https://login",
        ),
    ],
)
def test_an_answer_that_is_no_document_is_told(
    stub: StartStub,
    trust: Trust,
    tmp_path: Path,
    status: int,
    headers: dict[str, str],
    outcome: Outcome,
    words: str,
) -> None:
    server = stub(says(status, b"", **headers))

    with pytest.raises(CollectionError) as caught:
        looked(tmp_path, ca_file=trust.ca_file, metadata_url=server.url)

    assert caught.value.outcome is outcome
    assert words in caught.value.reason
    assert "secret" not in caught.value.reason
    assert caught.value.cure
    assert len(server.requests) == 1, "a redirect is not followed"


def test_a_document_without_end_is_cut(
    stub: StartStub, trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saml, "LARGEST", 1 << 20)
    server = stub(says(200, b"<" * (2 << 20)))

    with pytest.raises(CollectionError, match="more than 1 MiB"):
        looked(tmp_path, ca_file=trust.ca_file, metadata_url=server.url)


def test_a_hung_server_costs_its_deadline(stub: StartStub, trust: Trust, tmp_path: Path) -> None:
    server = stub(lambda exchange: exchange.hang())
    began = time.monotonic()

    with pytest.raises(CollectionError) as caught:
        looked(tmp_path, seconds=0.5, ca_file=trust.ca_file, metadata_url=server.url)

    assert time.monotonic() - began < 0.5 + SLACK
    assert caught.value.outcome is Outcome.TIMED_OUT


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="connection refused"):
        looked(tmp_path, metadata_url=f"https://127.0.0.1:{dead_port()}/metadata")


def test_metadata_is_read_from_a_file(tmp_path: Path, key: SigningKey) -> None:
    file, pin = tmp_path / "idp.xml", tmp_path / "signer.pem"
    file.write_bytes(document(key, signed_by=key))
    pin.write_bytes(key.pem)

    kept = looked(
        tmp_path, metadata_file=str(file), signed_by=str(pin), entity_id="urn:x", broker="corporate"
    )

    assert (kept.source, kept.signature, kept.skew) == (str(file), "valid", None)
    assert (kept.expected_entity_id, kept.broker) == ("urn:x", "corporate")


def test_a_file_that_is_not_there_or_too_large_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saml, "LARGEST", 10)
    (tmp_path / "large.xml").write_bytes(b"x" * 11)

    for name in ("gone.xml", "large.xml", "."):
        with pytest.raises(CollectionError) as caught:
            looked(tmp_path, metadata_file=str(tmp_path / name))
        assert caught.value.cure


def test_what_a_signer_is_not_is_told(tmp_path: Path, key: SigningKey) -> None:
    file, pin = tmp_path / "idp.xml", tmp_path / "signer.pem"
    file.write_bytes(document(key, signed_by=key))
    pin.write_text("-----BEGIN CERTIFICATE-----\nnothing here\n-----END CERTIFICATE-----\n")

    with pytest.raises(CollectionError) as caught:
        looked(tmp_path, metadata_file=str(file), signed_by=str(pin))

    assert caught.value.outcome is Outcome.BROKEN


@pytest.mark.parametrize(
    "provider",
    [
        {},
        {"metadata_url": "https://a", "metadata_file": "b"},
        {"metadata_url": "http://idp.example.com/metadata"},
        {"metadata_url": "https://ana:secret@idp.example.com/metadata"},
        {"metadata_url": "https://idp.example.com/#x"},
        {"metadata_url": "https://idp.example.com/a b"},
    ],
)
def test_a_profile_names_one_source_that_can_be_asked(provider: dict[str, str]) -> None:
    section = {"identity_providers": [{"name": "idp", **provider}]}

    with pytest.raises(ValueError, match="metadata"):
        Profile.model_validate({"version": 1, "saml": section})


def test_how_it_was_looked_at_can_be_repeated(tmp_path: Path) -> None:
    providers = [
        {"name": "a", "metadata_url": "https://idp.example.com/metadata"},
        {"name": "b", "metadata_file": str(tmp_path / "b.xml")},
    ]
    profile = Profile.model_validate({"version": 1, "saml": {"identity_providers": providers}})

    hows = [target.how for target in saml.saml_metadata(Look(profile, Shared()))]

    assert hows == ["GET https://idp.example.com/metadata", f"read {tmp_path / 'b.xml'}"]


# What the run before saw

earlier = previous.earlier("saml_metadata", SamlMetadata)


def run_before(folder: Path, content: bytes | None) -> Look:
    run = folder / "2026-11-30T000000Z"
    (run / "facts").mkdir(parents=True)
    (folder / "latest").symlink_to(run.name)
    if content is not None:
        (run / "facts" / "saml_metadata.json.gz").write_bytes(content)
    return Look(Profile.model_validate({"version": 1}), Shared(), reports=folder)


def test_what_the_run_before_saw_is_read(tmp_path: Path) -> None:
    seen = {"name": "idp", "source": "x", "entity_id": ENTITY}
    fact = {"format": 1, "fact": "saml_metadata", "absent": "", "targets": [{"objects": [seen]}, {}]}

    (target,) = earlier(run_before(tmp_path, gzip.compress(json.dumps(fact).encode())))
    (kept,) = target.look(Deadline(timedelta(seconds=5)), lambda _: None)

    assert kept == SamlMetadata("idp", "x", ENTITY)


def test_where_no_run_was_before_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(NothingToLookAtError, match="no earlier run"):
        earlier(Look(Profile.model_validate({"version": 1}), Shared(), reports=tmp_path))
    with pytest.raises(NothingToLookAtError, match="did not look at saml_metadata"):
        earlier(run_before(tmp_path, None))


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"{"), gzip.compress(b'{"targets": 1}'), gzip.compress(b"{}")[:-5]],
    ids=["empty", "no gzip", "no JSON", "no fact", "cut off"],
)
def test_what_cannot_be_read_of_it_is_told(tmp_path: Path, content: bytes) -> None:
    (target,) = earlier(run_before(tmp_path, content))

    with pytest.raises(CollectionError, match="cannot be read"):
        target.look(Deadline(timedelta(seconds=5)), lambda _: None)
