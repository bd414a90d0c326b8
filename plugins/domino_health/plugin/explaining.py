"""``--list-checks`` and ``--explain``: what the checks say of themselves, by a profile's values if given."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from domino_health.collectors.gather import Wanted
from domino_health.collectors.looking import Look, NothingToLookAtError, Shared, rights_of
from domino_health.plugin.facts import facts_of
from domino_health.plugin.suite import runbook, table_of_facts
from domino_health.profile import Loaded
from domino_health.profile.thresholds import spelled
from domino_health.reports.text import plain
from domino_health.vocabulary import CheckSpec, spec_of

Checks = Mapping[str, Callable[..., Any]]

NO_FACTS = ("now", "unseen")
"""What checks may ask for beside facts."""

MOST_TARGETS = 10
"""Of a fact, named; a profile may have hundreds of endpoints."""

_WIDTH = 100


def listed(checks: Checks, loaded: Loaded | None) -> str:
    """A line for each check: its id, its severity, and what healthy is."""
    specs = [_weighed(check, loaded) for _, check in sorted(checks.items())]
    width = max((len(spec.id) for spec in specs), default=0)
    lines = [f"{spec.id:<{width}}  {spec.severity!s:<8}  {plain(spec.title)}" for spec in specs]
    return "\n".join([*lines, f"{len(specs)} checks. --explain ID says more of one."])


def explained(
    check: Callable[..., Any], loaded: Loaded | None, controls: Sequence[str], notes: Path | None
) -> str:
    """All that there is to know of a check before it runs.

    Args:
        check: the function.
        loaded: by whose values; None for the check's own.
        controls: what it is evidence for.
        notes: the site's own page of it.
    """
    spec = _weighed(check, loaded)
    page = runbook(spec.id, loaded.packs if loaded else ())
    lines = [
        f"{spec.id}: {plain(spec.title)}",
        f"severity {spec.severity}{_instead(check, spec)}, area {spec.area}",
        *_section("Why", _paragraphs(spec.rationale)),
        *_section("Thresholds", _thresholds(spec, check, loaded)),
        *_section("Facts", _facts(spec, loaded)),
        *_section("Remediation", _paragraphs(spec.remediation[:1].upper() + spec.remediation[1:])),
        *_section("Controls", [f"  {control}" for control in controls]),
        "",
        f"Runbook: {page or 'none'}",
    ]
    return "\n".join([*lines, *([f"Site notes: {notes}"] if notes else [])])


def _weighed(check: Callable[..., Any], loaded: Loaded | None) -> CheckSpec:
    spec = spec_of(check)
    assert spec is not None, "a known check has a specification"
    severity = loaded.severities.get(spec.id) if loaded else None
    return replace(spec, severity=severity) if severity else spec


def _instead(check: Callable[..., Any], spec: CheckSpec) -> str:
    own = spec_of(check)
    return (
        f" (by the profile; its own is {own.severity})" if own and own.severity is not spec.severity else ""
    )


def _section(title: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", title, *found)


def _paragraphs(text: str) -> list[str]:
    paragraphs = [" ".join(part.split()) for part in plain(text).split("\n\n")]
    return [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(paragraph, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    ]


def _thresholds(spec: CheckSpec, check: Callable[..., Any], loaded: Loaded | None) -> Iterator[str]:
    given = loaded.thresholds if loaded else {}
    own = spelled({}, {spec.id: check}).get(spec.id, {})
    for name, value in spelled(given, {spec.id: check}).get(spec.id, {}).items():
        place = loaded.places.get(("thresholds", spec.id, name)) if loaded else None
        yield f"  {name}: {value}" + (f"  ({place}; default {own[name]})" if place else "  (default)")


def _facts(spec: CheckSpec, loaded: Loaded | None) -> Iterator[str]:
    """What it asks for, and what that is gathered after: each once, with the rights that it needs."""
    known = declared(loaded)
    names = [name for name in spec.facts if name not in NO_FACTS]
    for name in names:  # it grows while it is read
        yield from _fact(known[name], loaded) if name in known else [f"  {name}"]
        names += [before for before in known[name].after if before not in names] if name in known else []


def declared(loaded: Loaded | None) -> dict[str, Wanted]:
    """The facts of the suite and of the profile's packs, by name."""
    facts = facts_of(table_of_facts())
    for pack in loaded.packs if loaded else ():
        facts |= facts_of(pack.facts)
    return facts


def _fact(fact: Wanted, loaded: Loaded | None) -> Iterator[str]:
    what = (getattr(fact.collect, "what", "") or fact.collect.__doc__ or "").strip().partition("\n")[0]
    yield f"  {fact.name}: {what}" if what else f"  {fact.name}"
    if opt_in := getattr(fact.collect, "opt_in", ""):
        yield f"    opt-in: nobody looks unless the profile asks for it by {opt_in}"
    for right in rights_of(fact.collect, loaded.profile if loaded else None):
        yield f"    right: {right.rule()}" + (", of the named ones alone" if right.opt_in else "")
    if loaded is not None:
        yield f"    targets: {_targets(fact, loaded)}"
    elif fact.section:
        yield f"    targets: those of the profile's section {fact.section}"


def _targets(fact: Wanted, loaded: Loaded) -> str:
    """What would be looked at. Collectors name their targets before anything is."""
    if fact.section and getattr(loaded.profile, fact.section, None) is None:
        return f"none, for the profile has no section {fact.section}"
    if fact.after:
        return f"known when {' and '.join(fact.after)} {'have' if len(fact.after) > 1 else 'has'} been seen"
    try:
        names = [target.name for target in fact.collect(Look(loaded.profile, Shared()))]
    except NothingToLookAtError as why:
        return f"none: {why}"
    more = f" and {len(names) - MOST_TARGETS} more" if len(names) > MOST_TARGETS else ""
    return ", ".join(names[:MOST_TARGETS]) + more
