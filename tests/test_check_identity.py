"""IDP-001: every TLS endpoint presents a chain that verifies and lasts."""

from datetime import timedelta
from typing import Any

import pytest
from checks import test_identity as identity

from builders import NOW, certificate, endpoint
from domino_health import Assessment, Finding, Ref, Severity, TlsEndpoint, Unseen
from domino_health.facts.tls import Revocation

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def assess(*endpoints: TlsEndpoint, unseen: tuple[Unseen, ...] = (), **thresholds: Any) -> Assessment:
    return identity.test_tls_endpoints_present_a_chain_that_verifies_and_lasts(
        list(endpoints), list(unseen), NOW, **thresholds
    )


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def test_a_chain_that_verifies_and_lasts_is_healthy() -> None:
    assessment = assess(endpoint())

    assert len(assessment.population) == 1
    assert assessment.findings == ()
    assert assessment.worst == "the first certificate expires in 90 d, on 2026-06-12 12:00 UTC"


def test_what_broke_on_our_side_is_unknown_and_no_finding() -> None:
    broken = Unseen("front", "no PEM certificates in ca.pem", "mend tls.ca_file", outcome="broken")

    assessment = assess(endpoint("keycloak"), unseen=(broken,))

    assert assessment.findings == ()
    assert assessment.unseen == (broken,)
    assert len(assessment.population) == 1


def test_without_an_endpoint_there_is_nothing_to_assess() -> None:
    assessment = assess()

    assert len(assessment.population) == 0
    assert assessment.worst == ""


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (30 * DAY, None),
        (30 * DAY - SECOND, Severity.MEDIUM),
        (7 * DAY, Severity.MEDIUM),
        (7 * DAY - SECOND, Severity.HIGH),
        (SECOND, Severity.HIGH),
        (timedelta(0), Severity.CRITICAL),
        (-3 * DAY, Severity.CRITICAL),
    ],
)
def test_the_time_that_is_left_decides_the_severity(left: timedelta, severity: Severity | None) -> None:
    findings = assess(endpoint("front", certificate(left=left))).findings

    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_thresholds_are_the_profiles() -> None:
    ends_soon = endpoint("front", certificate(left=40 * DAY))

    assert found(assess(ends_soon, warn_before=60 * DAY)).severity is Severity.MEDIUM
    assert found(assess(ends_soon, warn_before=60 * DAY, fail_before=50 * DAY)).severity is Severity.HIGH


def test_the_finding_names_the_certificate_its_end_and_the_threshold() -> None:
    finding = found(assess(endpoint("keycloak", certificate(left=6 * DAY + 3 * timedelta(hours=1)))))

    assert finding.subject == Ref("", "endpoint", "", "keycloak")
    assert finding.message == (
        "the certificate of CN=domino.example.com expires in 6 d 3 h, on 2026-03-20 15:00 UTC; "
        "at least 7 d wanted"
    )


def test_a_certificate_that_has_expired_says_since_when() -> None:
    assessment = assess(endpoint("front", certificate(left=-2 * DAY)))

    assert "expired 2 d ago, on 2026-03-12 12:00 UTC" in found(assessment).message
    assert assessment.worst == "the first certificate expired 2 d ago, on 2026-03-12 12:00 UTC"


def test_a_certificate_that_is_not_valid_yet_closes_the_gate() -> None:
    finding = found(assess(endpoint("front", certificate(begins=2 * DAY))))

    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "the certificate of CN=domino.example.com is not valid before 2026-03-16 12:00 UTC"
    )


def test_a_short_lived_certificate_that_is_not_valid_yet_closes_the_gate_too() -> None:
    # Its end is near as well, which alone would only warn; but nobody can log in today.
    findings = assess(endpoint("front", certificate(begins=2 * DAY, left=20 * DAY))).findings

    assert Severity.HIGH in {finding.severity for finding in findings}
    assert any("not valid before" in finding.message for finding in findings)


def test_an_intermediate_near_its_end_counts_like_the_endpoints_own() -> None:
    intermediate = certificate("CN=Example Issuing CA", left=5 * DAY)

    finding = found(assess(endpoint("front", certificate(), intermediate)))

    assert finding.severity is Severity.HIGH
    assert "CN=Example Issuing CA" in finding.message


def test_a_certificate_that_no_verified_path_needs_does_not_count() -> None:
    # Servers go on presenting the old cross-signed intermediate, and clients do not mind.
    old = certificate("CN=Old Cross", left=-30 * DAY)

    assert assess(endpoint("front", certificate(), old, verified=[certificate()])).findings == ()


def test_without_a_verified_path_what_was_presented_counts() -> None:
    findings = assess(
        endpoint("front", certificate(left=-DAY), verified=[], errors=["self-signed certificate"])
    ).findings

    assert {finding.severity for finding in findings} == {Severity.HIGH, Severity.CRITICAL}


def test_a_chain_that_does_not_verify_says_why() -> None:
    finding = found(assess(endpoint(verified=[], errors=["unable to get local issuer certificate"])))

    assert finding.severity is Severity.HIGH
    assert finding.message == "the chain does not verify: unable to get local issuer certificate"


def test_an_intermediate_that_another_endpoint_sends_is_missing() -> None:
    alone = endpoint(
        "registry", verified=[], errors=["unable to get local issuer certificate"], missing_issuer="CN=Issuer"
    )
    whole = endpoint("front", certificate(), certificate("CN=Issuer"))

    finding = found(assess(alone, whole))

    assert finding.subject.name == "registry"
    assert finding.message == (
        "the chain does not verify: it does not send the intermediate certificate of CN=Issuer, "
        "which front does"
    )


@pytest.mark.parametrize(
    ("chain", "more", "why"),
    [
        (
            ["CN=own"],
            {"issuer_url": "http://ca.example.com/ca.cer"},
            "it does not send the intermediate certificate of CN=Issuer, which is at http://ca.example.com/ca.cer",
        ),
        (
            ["CN=own"],
            {},
            "it sends its own certificate alone, and CN=Issuer, who issued it, is not trusted: the "
            "intermediate certificate is missing, or it is a private root that is not in tls.ca_file",
        ),
        (
            ["CN=own", "CN=Intermediate"],
            {},
            "CN=Issuer, who issued CN=Intermediate, is not trusted: neither a public root nor in tls.ca_file",
        ),
    ],
)
def test_a_missing_intermediate_is_told_apart_from_an_unknown_root(
    chain: list[str], more: dict[str, Any], why: str
) -> None:
    errors = ["unable to get local issuer certificate"]
    presented = [certificate(subject) for subject in chain]

    finding = found(
        assess(endpoint("x", *presented, verified=[], errors=errors, missing_issuer="CN=Issuer", **more))
    )

    assert finding.message == f"the chain does not verify: {why}"


def test_a_chain_in_the_wrong_order_is_low() -> None:
    finding = found(assess(endpoint(in_order=False)))

    assert finding.severity is Severity.LOW
    assert "wrong order" in finding.message


def test_a_revoked_certificate_closes_the_gate_and_says_since_when_and_why() -> None:
    revoked = Revocation("revoked", "http://ocsp.example.com", "keyCompromise", NOW - DAY)

    finding = found(assess(endpoint(revocation=revoked)))

    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "its authority has revoked its certificate on 2026-03-13 12:00 UTC (keyCompromise), "
        "says http://ocsp.example.com"
    )


@pytest.mark.parametrize("status", ["", "good", "unknown"])
def test_what_an_authority_does_not_say_is_no_finding(status: str) -> None:
    known = Revocation(status, "http://ocsp.example.com", "connection refused" if status == "unknown" else "")

    assessment = assess(endpoint(revocation=known))

    assert assessment.findings == ()
    (table,) = [each for each in assessment.attachments if each.rows]
    assert (
        table.rows[0][-1]
        == {
            "": "",
            "good": "good, by http://ocsp.example.com",
            "unknown": "unknown, by http://ocsp.example.com: connection refused",
        }[status]
    )


@pytest.mark.parametrize(
    ("key", "bits", "weak"),
    [
        ("RSA", 2047, True),
        ("RSA", 2048, False),
        ("DSA", 1024, True),
        ("EC", 223, True),
        ("EC", 224, False),
        ("Ed25519", 0, False),
        ("", 0, False),
    ],
)
def test_a_key_that_is_too_short_closes_the_gate(key: str, bits: int, weak: bool) -> None:
    findings = assess(endpoint("front", certificate(key=key, bits=bits))).findings

    assert [finding.severity for finding in findings] == ([Severity.HIGH] if weak else [])


def test_how_long_a_key_must_be_is_the_profiles() -> None:
    front = endpoint("front", certificate(bits=3072))

    finding = found(assess(front, min_rsa_bits=4096))

    assert finding.message == (
        "the certificate of CN=domino.example.com has a key of 3072 bits (RSA); at least 4096 wanted"
    )
    assert assess(endpoint("front", certificate(key="EC", bits=256)), min_ec_bits=384).findings


@pytest.mark.parametrize(("digest", "weak"), [("md5", True), ("sha1", True), ("sha256", False), ("", False)])
def test_a_digest_that_clients_refuse_closes_the_gate(digest: str, weak: bool) -> None:
    findings = assess(endpoint("front", certificate(digest=digest))).findings

    assert [finding.severity for finding in findings] == ([Severity.HIGH] if weak else [])


def test_nobody_looks_at_the_signature_under_a_root() -> None:
    root = certificate("CN=Root", issuer="CN=Root", digest="sha1")

    assert assess(endpoint("front", certificate(), root)).findings == ()


@pytest.mark.parametrize(
    ("protocol", "older", "severity"),
    [
        ("TLSv1.3", "", None),
        ("TLSv1.2", "", None),
        ("TLSv1.2", "TLSv1", Severity.MEDIUM),
        ("TLSv1.3", "TLSv1.1", Severity.MEDIUM),
        ("TLSv1.1", "TLSv1.1", Severity.HIGH),
        ("TLSv1", "TLSv1", Severity.HIGH),
    ],
)
def test_old_protocols_are_found(protocol: str, older: str, severity: Severity | None) -> None:
    findings = assess(endpoint(protocol=protocol, older=older)).findings

    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    assert all(older in finding.message for finding in findings)


def test_a_certificate_for_another_name_says_which_names_it_is_for() -> None:
    wrong = endpoint("front", certificate(names=("old.example.com", "10.0.0.1")), name_matches=False)

    finding = found(assess(wrong))

    assert finding.severity is Severity.HIGH
    assert finding.message == ("the certificate is for old.example.com, 10.0.0.1, not for domino.example.com")


def test_a_certificate_without_any_name_says_so() -> None:
    finding = found(assess(endpoint("front", certificate(names=()), name_matches=False)))

    assert "is for no name at all" in finding.message


def test_a_dead_endpoint_is_a_finding_and_is_assessed() -> None:
    dead = Unseen("idp", "connection refused", "start it", "failed", "tls_endpoints")

    assessment = assess(endpoint(), unseen=(dead,))

    assert len(assessment.population) == 2
    assert assessment.unseen == ()
    finding = found(assessment)
    assert finding.subject == Ref("", "endpoint", "", "idp")
    assert finding.severity is Severity.HIGH
    assert finding.message == "does not answer: connection refused"


def test_when_every_endpoint_is_dead_none_of_them_passes() -> None:
    dead = tuple(Unseen(name, "connection refused", "start it") for name in ("front", "idp"))

    assessment = assess(unseen=dead)

    assert len(assessment.population) == 2
    assert len(tuple(assessment.findings)) == 2
    assert assessment.worst == ""


def test_every_fault_of_every_endpoint_is_named() -> None:
    assessment = assess(
        endpoint("front", certificate(left=-DAY), name_matches=False),
        endpoint("idp", verified=[], errors=["self-signed certificate"]),
        endpoint("fine"),
        unseen=(Unseen("dead", "timed out", "wait"),),
    )

    assert sorted(finding.subject.name for finding in assessment.findings) == [
        "dead",
        "front",
        "front",
        "idp",
    ]
    assert len(assessment.population) == 4


def test_no_finding_is_worse_than_the_check_declares() -> None:
    severities = {
        finding.severity
        for finding in assess(
            endpoint("ended", certificate(left=-DAY)),
            endpoint("name", name_matches=False),
            unseen=(Unseen("dead", "timed out", "wait"),),
        ).findings
    }

    assert None not in severities
    assert max(filter(None, severities)) <= Severity.CRITICAL


# What it measured


def test_all_certificates_are_attached_on_a_pass_too_with_the_days_that_are_left() -> None:
    intermediate = certificate("CN=Example Issuing CA", left=900 * DAY - SECOND)
    old = certificate("CN=Old Cross", left=-30 * DAY - SECOND)
    own = certificate()

    assessment = assess(endpoint("front", own, intermediate, old, verified=[own, intermediate]))

    assert assessment.findings == ()
    picture, table = assessment.attachments
    assert "CN=domino.example.com" in picture.svg
    assert "CN=Old Cross" not in picture.svg
    assert [(row[1], row[2], row[6]) for row in table.rows] == [
        ("-30", "CN=Old Cross", "no: the verified path does without it"),
        ("90", "CN=domino.example.com", "yes"),
        ("899", "CN=Example Issuing CA", "yes"),
    ]


def test_the_picture_shows_each_certificate_once_and_the_first_to_expire_at_the_top() -> None:
    shared = certificate("CN=Example Issuing CA", left=900 * DAY)
    late, soon = certificate("CN=late"), certificate("CN=soon", left=29 * DAY)

    picture, _ = assess(endpoint("front", late, shared), endpoint("idp", soon, shared)).attachments

    names = ["idp: CN=soon", "front: CN=late", "2 endpoints: CN=Example Issuing CA"]
    places = [picture.svg.index(name) for name in names]
    assert places == sorted(places)
    assert picture.svg.count('class="bar wanting"') == 1
    assert all(said in picture.svg for said in ("29 d left", "90 d left", "900 d left", "in 30 d"))


def test_without_a_certificate_nothing_is_attached() -> None:
    assert assess(unseen=(Unseen("front", "connection refused", "start it"),)).attachments == ()
