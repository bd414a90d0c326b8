"""ACME-001, called with licences: no server, no cluster, no profile."""

import pytest

from acme_checks.licences import Licence
from acme_checks.test_licences import test_every_product_has_seats_left as check
from domino_health import Finding, Severity


def found(*licences: Licence, **thresholds: float) -> list[Finding]:
    return list(check(list(licences), **thresholds).findings)


@pytest.mark.parametrize(
    ("in_use", "severity"),
    [(0, None), (90, None), (91, Severity.MEDIUM), (99, Severity.MEDIUM), (100, Severity.HIGH)],
)
def test_the_seats_in_use_decide(in_use: int, severity: Severity | None) -> None:
    findings = found(Licence("solver", 100, in_use))

    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_the_finding_names_the_product_its_server_and_the_threshold() -> None:
    (finding,) = found(Licence("solver", 10, 9, server="east"), Licence("mesher", 10, 1), most_in_use=0.8)

    assert str(finding.subject) == "licence/east/solver"
    assert finding.message == "9 of 10 seats in use; at most 80 % wanted"


def test_without_licences_there_is_nothing_to_assess() -> None:
    assert not check([]).population
