"""The page of all checks, made from them: ``python -m domino_health.plugin.catalogue > docs/checks.md``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from domino_health.plugin.suite import known_checks
from domino_health.profile.thresholds import spelled
from domino_health.vocabulary import CheckSpec, spec_of

_HEAD = """\
# Checks

What each check wants, why, and by which thresholds. This page is made from the checks (`make docs`). A
severity is the worst that a check can find; `-k SCHED-001` runs one check alone. Thresholds are set by a
[profile](profiles.md#thresholds), under the check's id.

| check | severity | healthy is |
|---|---|---|
"""

_NO_FACTS = ("now", "unseen")
"""What checks may ask for beside facts."""


def catalogue(checks: Mapping[str, Callable[..., Any]]) -> str:
    """Markdown: a table of all checks, then a section for each, in the order of their ids."""
    specs = [spec for _, check in sorted(checks.items()) if (spec := spec_of(check))]
    defaults = spelled({}, checks)
    rows = [f"| [{spec.id}](#{spec.id.lower()}) | {spec.severity} | {_code(spec.title)} |" for spec in specs]
    sections = ["\n".join(_section(spec, defaults.get(spec.id, {}))) for spec in specs]
    return _HEAD + "\n\n".join(["\n".join(rows), *sections]) + "\n"


def _section(spec: CheckSpec, defaults: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {spec.id}"
    yield f"\n**{_code(spec.title)}**"
    yield f"\n{_code(spec.rationale)}"
    if defaults:
        yield "\n| threshold | default |"
        yield "|---|---|"
        yield from (f"| `{name}` | `{value}` |" for name, value in defaults.items())
    yield f"\n**Remediation.** {_code(spec.remediation[:1].upper() + spec.remediation[1:])}"
    facts = ", ".join(f"`{name}`" for name in spec.facts if name not in _NO_FACTS)
    yield f"\nIt rests on {facts or 'nothing but itself'}. [Runbook](runbooks/{spec.id}.md)."


def _code(docstring: str) -> str:
    """A docstring's double backticks as Markdown's single ones."""
    return docstring.replace("``", "`")


if __name__ == "__main__":
    print(catalogue(known_checks()), end="")
