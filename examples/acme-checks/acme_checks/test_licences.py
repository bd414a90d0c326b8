"""Licences: can the next user start the solver?"""

from acme_checks.licences import Licence
from domino_health import Assessment, Finding, Percentage, Severity, check, percent


@check("ACME-001", severity=Severity.HIGH)
def test_every_product_has_seats_left(
    acme_licences: list[Licence], *, most_in_use: Percentage = 0.9
) -> Assessment:
    """No product has more than ``most_in_use`` of its seats in use.

    A job that gets no seat fails after it has waited for its node, and its user learns of it last. A
    product that has no seat left is high, one above ``most_in_use`` medium.

    Thresholds: 90% is Acme's own, a morning's growth of the largest team.

    Remediation: end the sessions that nobody uses any more, or buy seats before they are gone.
    """
    findings = [
        Finding(
            licence.ref,
            f"{licence.in_use} of {licence.seats} seats in use; at most {percent(most_in_use)} wanted",
            Severity.HIGH if licence.in_use >= licence.seats else Severity.MEDIUM,
        )
        for licence in acme_licences
        if licence.in_use > most_in_use * licence.seats
    ]
    return Assessment(acme_licences, findings)
