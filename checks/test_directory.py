"""Identity: does the LDAP directory answer Keycloak as it must?"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from checks.certificates import when
from checks.endpoints import wanting
from domino_health import (
    Assessment,
    Attachment,
    Duration,
    Finding,
    LdapDirectory,
    Ref,
    Severity,
    Unseen,
    age,
    check,
)

REASONS = {
    "525": "there is no such account",
    "52e": "the password is wrong",
    "530": "it may not log in at this time",
    "531": "it may not log in from here",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked out",
}
"""What Active Directory means by ``data 52e`` in a refused bind: Windows' error codes in hexadecimal
(winerror.h: ERROR_NO_SUCH_USER is 1317, 0x525; ERROR_LOGON_FAILURE 1326, 0x52e; and so on)."""
INVALID_CREDENTIALS, NO_SUCH_OBJECT = 49, 32


@check("IDP-007", severity=Severity.CRITICAL)
def test_directories_answer_over_tls_and_find_people(
    ldap_directories: list[LdapDirectory],
    unseen: list[Unseen],
    now: datetime,
    *,
    warn_before: Duration = timedelta(days=30),
    fail_before: Duration = timedelta(days=7),
    min_rsa_bits: int = 2048,
    min_ec_bits: int = 224,
    max_time: Duration = timedelta(seconds=5),
) -> Assessment:
    """Each LDAP directory answers over TLS that verifies, knows Keycloak's account, and finds people.

    Where Keycloak's users come from a directory, nobody logs in when it does not answer, when the
    account's password has expired, or when people were moved to another base. The bind and the search
    are those of Keycloak's user federation. A directory that does not answer, an account that is
    refused and a search that fails or finds nobody are high; attributes or groups that are missing,
    more than one entry for one user, and an answer later than ``max_time`` are medium. Certificates
    are judged as IDP-001 judges them, expired ones critical.

    Thresholds: ``warn_before`` and ``fail_before`` are those of IDP-001; ``max_time`` is ours: it is a
    part of every login. ``min_rsa_bits`` and ``min_ec_bits`` are those of NIST SP 800-131A.

    Remediation: the finding quotes the directory. For a refused bind, give the account a password that
    lasts and put it into Keycloak (User federation, Bind credentials). For nobody found, compare Users
    DN, Username LDAP attribute, User object classes and the filter with the directory. For missing
    attributes, see what the account may read.
    """
    unknown = [target for target in unseen if target.outcome == "broken"]
    dead = [target for target in unseen if target not in unknown]
    findings = [
        Finding(Ref("", "directory", "", each.target), f"does not answer: {each.reason}", Severity.HIGH)
        for each in dead
    ]
    for directory in ldap_directories:
        shown = list(
            wanting(
                directory.endpoint, directory.ref, now, warn_before, fail_before, min_rsa_bits, min_ec_bits
            )
        )
        findings += shown
        # Where what it shows is why nobody was bound, that is the finding.
        if directory.bind is not None or not any(
            each.severity >= Severity.HIGH for each in shown if each.severity
        ):
            findings += _of_the_bind(directory)
        findings += _of_the_search(directory)
        if directory.took is not None and directory.took > max_time:
            message = f"bind and search took {age(directory.took)}, at most {age(max_time)} wanted"
            findings.append(Finding(directory.ref, message, Severity.MEDIUM))
    ends = [one.not_after for each in ldap_directories for one in each.endpoint.chain]
    rows = [
        (
            each.name,
            each.address,
            "not tried" if each.bind is None else each.bind_said or each.bind,
            each.base,
            each.filter,
            "not tried" if each.search is None else ("nobody", "one", "several")[each.found],
            "" if each.groups is None else each.groups,
            "" if each.took is None else age(each.took),
        )
        for each in ldap_directories
    ]
    columns = ("Directory", "Address", "Bind", "Base", "Filter", "Found", "Groups", "Took")
    return Assessment(
        [*ldap_directories, *dead],
        findings,
        unseen=unknown,
        worst=f"the first certificate {when(min(ends), now)}" if ends else "",
        attachments=[Attachment.table("What directories answered", columns, rows)] if rows else [],
    )


def _of_the_bind(directory: LdapDirectory) -> Iterator[Finding]:
    if directory.bind is None:
        yield Finding(directory.ref, f"no bind: {directory.bind_said}", Severity.HIGH)
    elif directory.bind:
        code = re.search(r"data ([0-9a-f]{3})\b", directory.bind_said)
        meant = REASONS.get(code[1], "") if code else ""
        if not meant and directory.bind == INVALID_CREDENTIALS:
            meant = "the account or its password is not what the directory knows"
        words = "; ".join(part for part in (meant, directory.bind_said) if part)
        message = f"the bind account is refused (result {directory.bind}): {words}"
        yield Finding(directory.ref, message, Severity.HIGH)


def _of_the_search(directory: LdapDirectory) -> Iterator[Finding]:
    if directory.bind != 0:
        return
    where = f"{directory.filter} in {directory.base}"
    if directory.search is None:
        yield Finding(directory.ref, f"no answer to {where}: {directory.search_said}", Severity.HIGH)
    elif directory.search:
        hint = (
            ": there is no such base, or the account may not see it"
            if directory.search == NO_SUCH_OBJECT
            else ""
        )
        message = f"the search for {where} fails (result {directory.search}, {directory.search_said}){hint}"
        yield Finding(directory.ref, message, Severity.HIGH)
    elif not directory.found:
        message = f"nobody is found by {where}: there is nobody, or the account may not see people"
        yield Finding(directory.ref, message, Severity.HIGH)
    else:
        yield from _of_the_entry(directory)


def _of_the_entry(directory: LdapDirectory) -> Iterator[Finding]:
    if directory.named and directory.found > 1:
        message = f"more than one entry is found by {directory.filter}: Keycloak takes none or any"
        yield Finding(directory.ref, message, Severity.MEDIUM)
    if directory.missing:
        message = f"an entry has no {', '.join(directory.missing)}, or the account may not read it"
        yield Finding(directory.ref, message, Severity.MEDIUM)
    if directory.groups == 0:
        message = (
            f"an entry has no {directory.group_attribute}, or the account may not read it: nobody has a group"
        )
        yield Finding(directory.ref, message, Severity.MEDIUM)
