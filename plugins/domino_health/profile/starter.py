"""A first profile, with comments, from what a first look has seen: ``pytest --init-profile``.

What stands in it comes from a kubeconfig and a cluster, and neither is trusted: every value is quoted where
it must be, and a comment is one line of printable text.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from domino_health.facts.survey import Host, Missed, Survey
from domino_health.profile.references import escaped
from domino_health.vocabulary import shorten

_WIDTH = 108
_LONGEST = 600
"""Characters of a comment: an error may quote a page."""
_PLAIN = re.compile(r"[A-Za-z~/][A-Za-z0-9_./@:-]*")
"""What needs no quotes, unless YAML takes it for something else."""
_LOGS = "last lines of failing containers, known faults in the others'"
MOST_CONTEXTS = 10
"""Named in a comment; a kubeconfig may have hundreds."""


@dataclass(frozen=True)
class Part:
    """A section of a profile, as the file shows it."""

    purpose: str
    example: str
    """YAML, for where nothing is known: it stands in a comment."""
    known: Callable[[Survey], str] = lambda _: ""
    """YAML of what was seen; nothing, and the example is shown."""


def starter(survey: Survey) -> str:
    """The text of the file. It loads as it stands, and every section of a profile is in it."""
    blocks = [_head(survey), "version: 1"]
    for name, part in PARTS.items():
        known = part.known(survey)
        body = known or _commented(part.example)
        blocks.append(f"{_comment(part.purpose)}\n{body}" if part.purpose else body)
        assert re.search(rf"^(# )?{name}:", body, re.MULTILINE), name
    blocks.append(_comment(f"Next: pytest --profile {survey.name}"))
    return "\n\n".join(blocks) + "\n"


def seen(survey: Survey) -> list[str]:
    """What was seen, a line for each."""
    return [_line(text) for text in _seen(survey)]


def missed(survey: Survey) -> list[str]:
    """What could not be looked at and what would help, a line for each; a cure is said once."""
    causes: dict[str, list[str]] = {}
    for each in survey.missed:
        causes.setdefault(each.cure, []).append(f"{each.what}: {each.reason}")
    causes.setdefault("", []).extend(_left_out(each) for each in survey.left_out)
    return [
        _line(line)
        for cure, reasons in causes.items()
        for line in (*reasons, *([f"-> {cure}"] if cure else []))
    ]


def _seen(survey: Survey) -> Iterator[str]:
    door = survey.door
    if survey.server:
        way = "the pod's service account" if door.in_cluster else f"context {door.context}"
        yield f"cluster: {survey.server}, by {way}; Kubernetes {survey.version or 'of an unknown version'}"
    if survey.platform or survey.compute:
        yield (
            f"Domino's namespaces, by {survey.how}: platform {', '.join(survey.platform) or 'not found'}; "
            f"compute {', '.join(survey.compute) or 'not found'}"
        )
    elif survey.told:
        yield "no namespace of Domino's, neither by labels nor by the usual names"
    if survey.whole:
        yield "pods may be listed in the whole cluster"
    elif survey.within:
        yield f"pods may be listed in {', '.join(survey.within)} alone"
    if survey.services:
        yield f"services: {', '.join(f'{role} {name}' for role, name in survey.services)}"
    for host in survey.hosts:
        yield f"{host.name} ({host.source}): {_presents(host)}"
    if door.others:
        more = len(door.others) - MOST_CONTEXTS
        named = ", ".join(door.others[:MOST_CONTEXTS]) + (f" and {more} more" if more > 0 else "")
        yield f"other contexts of the kubeconfig: {named}"


def _presents(host: Host) -> str:
    if not host.presented:
        return f"did not answer: {host.trouble}"
    if host.untrusted:
        return f"presents a chain that no public CA vouches for: {host.trouble}"
    return f"presents a chain that verifies{host.trouble and ', but '}{host.trouble}"


def _left_out(host: Missed) -> str:
    return f"{host.what or 'a host'} was not looked at: {host.reason}; {host.cure}"


def _head(survey: Survey) -> str:
    lines = [
        f"Profile {survey.name}, begun by pytest --init-profile: how to reach one environment, and what is "
        "expected of it. All keys are in docs/profiles.md; a mistake is reported with its line, before "
        "anything is looked at. No secret stands in here: write ${NAME} for one.",
    ]
    blocks = [_comment(lines[0])]
    for title, found in (("Seen:", seen(survey)), ("Not seen:", missed(survey))):
        if found:
            blocks.append("\n".join([_comment(title), *(_comment(line, "#   ") for line in found)]))
    return "\n#\n".join(blocks)


def _clusters(survey: Survey) -> str:
    door = survey.door
    lines = ["clusters:", f"  - name: {scalar(survey.name)}"]
    if door.kubeconfig:
        lines.append(f"    kubeconfig: {scalar(door.kubeconfig)}")
    if door.variable:
        lines.append(_comment(f"KUBECONFIG must be set as it was: {door.variable}", "    # "))
    if door.in_cluster:
        lines.append("    in_cluster: true")
    elif door.context:
        lines.append(f"    context: {scalar(door.context)}")
    else:
        lines.append("    # context: prod-reader    # by default the kubeconfig's current one")
    if survey.within:
        lines += ["    namespaces:", *(f"      - {scalar(name)}" for name in survey.within)]
    elif not survey.whole:
        lines.append("    # namespaces: [domino-platform, domino-compute]    # for an account of these alone")
    lines.append(f"    # logs: [domino-platform]    # {_LOGS}")
    return "\n".join(lines)


def _domino(survey: Survey) -> str:
    platform = survey.platform if len(survey.platform) == 1 else ()  # a profile has room for one
    lines = [
        *(f"  platform_namespace: {scalar(name)}" for name in platform),
        *(["  compute_namespaces:"] if survey.compute else []),
        *(f"    - {scalar(name)}" for name in survey.compute),
    ]
    return "\n".join(["domino:", *lines]) if lines else ""


def _tls(survey: Survey) -> str:
    if not survey.hosts:
        return ""
    strangers = [host for host in survey.hosts if host.untrusted and host.presented]
    presented = [f"{host.name} presents {host.presented}: {host.trouble}" for host in strangers]
    lines = ["tls:", *(_comment(line, "  # ") for line in presented)]
    if strangers:
        lines.append("  # ca_file: corporate-ca.pem    # a CA that is not public; beside this file")
    lines.append("  endpoints:")
    for host in survey.hosts:
        if host.trouble and host not in strangers:
            lines.append(_comment(host.trouble, "    # "))
        lines.append(f"    - {scalar(host.name)}")
    return "\n".join(lines)


PARTS: Mapping[str, Part] = {
    "description": Part("", "description: Production, Frankfurt    # a line for reports"),
    "clusters": Part(
        "The Kubernetes clusters. With a name alone: the one that kubectl would talk to.",
        f"clusters:\n  - name: prod\n    # logs: [domino-platform]    # {_LOGS}",
        _clusters,
    ),
    "domino": Part(
        "Where Domino is in the first cluster. What is not said here is discovered, by labels and usual "
        "names; who does what (services: front_end, keycloak, …) can be named too, and so can storage "
        "classes. What hardware tiers there are is asked of Domino's API, by url and token, or stands here "
        "(CAP-008).",
        "domino:\n"
        "  platform_namespace: domino-platform\n"
        "  compute_namespaces: [domino-compute]\n"
        "  services: {front_end: deployment/nucleus-frontend}\n"
        "  storage_classes: {block: dominodisk, shared: dominoshared}\n"
        "  # url: https://domino.example.com    # with a token, a reference to it: ${NAME}\n"
        "  # token: ${DOMINO_TOKEN}\n"
        "  hardware_tiers:\n"
        "    - {id: small-k8s, node_pool: default, cpu: 1, memory: 4Gi}",
        _domino,
    ),
    "tls": Part(
        "What people and pods log in through. Domino's Keycloak is on the front end's host, at /auth. Add "
        "the corporate IdP, the LDAP directory, the image registry, the git server.",
        "tls:\n"
        "  ca_file: corporate-ca.pem    # a CA to trust beside the public ones\n"
        "  endpoints:\n"
        "    - domino.example.com\n"
        "    - {name: ldap, address: ldap.example.com:636}",
        _tls,
    ),
    "saml": Part(
        "The identity providers that Domino's Keycloak sends people to, each by its SAML metadata. signed_by "
        "is the certificate that signs it, as its owner has told you.",
        "saml:\n"
        "  identity_providers:\n"
        "    - name: corporate idp\n"
        "      metadata_url: https://idp.example.com/metadata\n"
        "      # signed_by: idp-metadata.pem    # beside this file",
    ),
    "keycloak": Part(
        "Domino's Keycloak, and a client of it that may only look; docs/profiles.md tells how to make one.",
        "keycloak:\n"
        "  url: https://domino.example.com/auth\n"
        "  client_secret: ${DOMINO_HEALTH_KEYCLOAK}\n"
        "  # external_organizations: true    # as Domino's authentication.oidc.externalOrgsEnabled",
    ),
    "ldap": Part(
        "The directories that Keycloak's user federation asks, in the same words.",
        "ldap:\n"
        "  directories:\n"
        "    - name: corporate directory\n"
        "      url: ldaps://ldap.example.com\n"
        "      bind_dn: cn=domino,ou=services,dc=example,dc=com\n"
        "      bind_password: ${DOMINO_HEALTH_LDAP}\n"
        "      users_dn: ou=people,dc=example,dc=com",
    ),
    "scans": Part(
        "Where the vulnerability reports of images are that Trivy or Grype has written: files, directories, "
        "or Trivy operator's objects (IMG-008). Nothing is scanned here.",
        "scans:\n  reports: [vulnerability-reports]    # a directory beside this file\n  # operator: true",
    ),
    "logs": Part(
        "What the logs of Domino's services are searched for, beside what is shipped, where clusters[].logs "
        "opens their namespace (DOM-004). In a pattern * is any text.",
        "logs:\n"
        "  window: 15m\n"
        "  signatures:\n"
        "    - {id: license, patterns: [licence of * has expired], cause: a licence has expired}\n"
        "  ignore: [connection-refused]",
    ),
    "thresholds": Part(
        "What is expected, by check and threshold, where it differs from the default. "
        "pytest --explain SCHED-001 tells what there is.",
        "thresholds:\n  SCHED-001: {max_wait: 10m, max_wait_gpu: 30m}",
    ),
    "severities": Part(
        "How bad a check's findings are here: low, medium, high or critical.",
        "severities:\n  SCHED-001: medium",
    ),
    "gates": Part(
        "What closes the gate, beside the shipped default, upgrade, nightly and audit; "
        "pytest --profile NAME --gate release.",
        "gates:\n  release: {closes_at: medium, requires: [SCHED]}",
    ),
    "waivers": Part(
        "Findings that somebody has accepted, until a date.",
        "waivers:\n"
        "  - check: SCHED-001\n"
        "    subject: execution/domino-compute/*\n"
        "    reason: the GPU pool is being bought\n"
        "    owner: ana@example.com\n"
        "    approved_by: cab@example.com\n"
        "    expires: 2027-01-31",
    ),
    "inspec_waivers": Part(
        "Waiver files of InSpec, taken in among the waivers: YAML, JSON or CSV.",
        "inspec_waivers: [waivers.yaml]",
    ),
    "extends": Part(
        "Another profile, of which this one takes what it does not say itself: base.yaml beside it.",
        "extends: base",
    ),
    "packs": Part("Python packages of further checks.", "packs: [acme_checks]"),
    "knowledge": Part(
        "Your own notes, a directory: SCHED-001.md there stands beside that check's runbook.",
        "knowledge: runbooks",
    ),
    "lab": Part("Of the demo alone; never in a profile of a real environment.", "lab: faulty"),
}
"""Every section, in the order of the file. A new one of the profile's belongs here."""


def scalar(text: str) -> str:
    """``text`` as YAML writes a value within a line, and no reference in it."""
    text = escaped(text)
    if _PLAIN.fullmatch(text) and not text.endswith(":") and yaml.safe_load(text) == text:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1 << 30)
    return quoted.strip()


def _line(text: str) -> str:
    """One line of printable text: some letters that look like spaces are line breaks to YAML."""
    text = " ".join(text.split())
    return shorten(
        "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text), _LONGEST
    )


def _comment(text: str, indent: str = "# ") -> str:
    wrapped = textwrap.wrap(
        _line(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent != "# " else indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(wrapped) or indent.rstrip()


def _commented(example: str) -> str:
    return "\n".join(f"# {line}" for line in example.splitlines())
