"""IDP-007: directories answer over TLS, know the account, and find people."""

from datetime import timedelta
from typing import Any

import pytest
from checks import test_directory as checks

from builders import NOW, certificate, endpoint
from domino_health import Assessment, Finding, LdapDirectory, Severity, Unseen

DAY = timedelta(days=1)
FILTER = "(&(uid=ana)(objectclass=person))"


def directory(**more: Any) -> LdapDirectory:
    """A directory that answers as it must."""
    given: dict[str, Any] = {
        "name": "corporate",
        "address": "ldaps://ldap.example.com:636",
        "endpoint": endpoint("corporate"),
        "bind": 0,
        "bind_said": "success",
        "search": 0,
        "base": "ou=people",
        "filter": FILTER,
        "named": True,
        "found": 1,
        "took": timedelta(seconds=0.1),
    }
    return LdapDirectory(**{**given, **more})


def assess(*directories: LdapDirectory, unseen: tuple[Unseen, ...] = (), **thresholds: Any) -> Assessment:
    return checks.test_directories_answer_over_tls_and_find_people(
        list(directories), list(unseen), NOW, **thresholds
    )


def found(assessment: Assessment) -> Finding:
    (finding,) = assessment.findings
    return finding


def test_a_directory_that_answers_as_it_must_is_healthy() -> None:
    assessment = assess(directory(groups=3, group_attribute="memberOf"))

    assert assessment.findings == ()
    assert len(assessment.population) == 1
    assert assessment.worst == "the first certificate expires in 90 d, on 2026-06-12 12:00 UTC"
    (table,) = assessment.attachments
    assert table.rows[0] == (
        "corporate",
        "ldaps://ldap.example.com:636",
        "success",
        "ou=people",
        FILTER,
        "one",
        "3",
        "0.1 s",
    )


def test_a_dead_directory_is_a_finding_and_is_assessed() -> None:
    assessment = assess(unseen=(Unseen("corporate", "connection refused", "start it"),))

    assert (found(assessment).severity, len(assessment.population)) == (Severity.HIGH, 1)
    assert str(found(assessment).subject) == "directory/corporate"
    assert found(assessment).message == "does not answer: connection refused"


def test_what_broke_on_our_side_is_unknown() -> None:
    broken = Unseen("corporate", "no PEM certificates", "mend it", outcome="broken")

    assessment = assess(unseen=(broken,))

    assert (assessment.findings, assessment.unseen) == ((), (broken,))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("invalidCredentials", "the account or its password is not what the directory knows"),
        ("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v2580", "wrong"),
        (
            "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 532, v2580",
            "expired",
        ),
        (
            "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 775, v2580",
            "locked out",
        ),
        (
            "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data fff, v2580",
            "its password",
        ),
    ],
)
def test_a_refused_account_says_why(said: str, words: str) -> None:
    finding = found(assess(directory(bind=49, bind_said=said, search=None)))

    assert finding.severity is Severity.HIGH
    assert finding.message.startswith("the bind account is refused (result 49): ")
    assert words in finding.message
    assert said in finding.message


def test_another_refusal_is_quoted() -> None:
    finding = found(assess(directory(bind=53, bind_said="unwilling to perform", search=None)))

    assert finding.message == "the bind account is refused (result 53): unwilling to perform"


def test_a_bind_that_was_not_answered_is_a_finding() -> None:
    finding = found(assess(directory(bind=None, bind_said="session terminated by server", search=None)))

    assert finding.message == "no bind: session terminated by server"


@pytest.mark.parametrize(
    "shown",
    [
        endpoint("x", verified=[], errors=["self-signed certificate"]),
        endpoint("x", name_matches=False),
        endpoint("x", certificate(begins=DAY)),
    ],
)
def test_where_the_certificate_is_why_nobody_was_bound_that_is_the_finding(shown: Any) -> None:
    finding = found(
        assess(directory(endpoint=shown, bind=None, bind_said="it was sent no password", search=None))
    )

    assert finding.severity is Severity.HIGH
    assert "no bind" not in finding.message
    assert str(finding.subject) == "directory/corporate"


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (30 * DAY, None),
        (29 * DAY, Severity.MEDIUM),
        (6 * DAY, Severity.HIGH),
        (timedelta(0), Severity.CRITICAL),
    ],
)
def test_its_certificate_is_judged_as_any(left: timedelta, severity: Severity | None) -> None:
    ends = directory(endpoint=endpoint("x", certificate(left=left)))

    assert [each.severity for each in assess(ends).findings] == ([severity] if severity else [])


def test_thresholds_of_certificates_are_the_profiles() -> None:
    ends = directory(endpoint=endpoint("x", certificate(left=40 * DAY, bits=3072)))

    severities = [each.severity for each in assess(ends, warn_before=60 * DAY, fail_before=50 * DAY).findings]
    assert severities == [Severity.HIGH]
    assert found(assess(ends, min_rsa_bits=4096)).severity is Severity.HIGH
    short = directory(endpoint=endpoint("x", certificate(key="EC", bits=256)))
    assert found(assess(short, min_ec_bits=384)).severity is Severity.HIGH


def test_a_base_that_is_not_there_is_told_apart() -> None:
    finding = found(assess(directory(search=32, search_said="noSuchObject", found=0)))

    assert finding.severity is Severity.HIGH
    assert finding.message == (
        f"the search for {FILTER} in ou=people fails (result 32, noSuchObject): "
        "there is no such base, or the account may not see it"
    )
    assert "no such base" not in found(assess(directory(search=50, search_said="insufficient"))).message


def test_a_search_that_was_not_answered_is_a_finding() -> None:
    finding = found(assess(directory(search=None, search_said="session terminated by server")))

    assert finding.message == f"no answer to {FILTER} in ou=people: session terminated by server"


def test_nobody_found_is_high() -> None:
    assert found(assess(directory(found=0))).severity is Severity.HIGH


@pytest.mark.parametrize(
    ("named", "found_", "healthy"), [(True, 1, True), (True, 2, False), (False, 2, True)]
)
def test_one_user_is_one_entry(named: bool, found_: int, healthy: bool) -> None:
    findings = assess(directory(named=named, found=found_)).findings

    assert [each.severity for each in findings] == ([] if healthy else [Severity.MEDIUM])


def test_missing_attributes_are_named() -> None:
    finding = found(assess(directory(missing=("mail", "sn"))))

    assert finding.severity is Severity.MEDIUM
    assert finding.message == "an entry has no mail, sn, or the account may not read it"


@pytest.mark.parametrize(("groups", "healthy"), [(None, True), (1, True), (0, False)])
def test_groups_that_are_missing_are_told(groups: int | None, healthy: bool) -> None:
    findings = assess(directory(groups=groups, group_attribute="memberOf")).findings

    assert [each.severity for each in findings] == ([] if healthy else [Severity.MEDIUM])


@pytest.mark.parametrize(("took", "slow"), [(5.0, False), (5.001, True)])
def test_a_slow_answer_is_medium(took: float, slow: bool) -> None:
    late = directory(took=timedelta(seconds=took))

    assert [each.severity for each in assess(late).findings] == ([Severity.MEDIUM] if slow else [])
    assert assess(late, max_time=timedelta(minutes=1)).findings == ()


def test_every_directory_is_judged() -> None:
    assessment = assess(
        directory(name="a", found=0), directory(name="b"), unseen=(Unseen("c", "timed out", "wait"),)
    )

    assert sorted(each.subject.name for each in assessment.findings) == ["a", "c"]
    assert len(assessment.population) == 3


def test_without_a_directory_there_is_nothing_to_assess() -> None:
    assert len(assess().population) == 0
