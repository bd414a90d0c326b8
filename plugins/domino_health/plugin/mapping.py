"""The page of all controls: ``python -m domino_health.plugin.mapping > docs/controls.md``."""

from collections.abc import Iterator, Sequence

from domino_health.plugin.suite import SUITE, known_checks
from domino_health.profile.controls import Framework, frameworks

_HEAD = """\
# Controls

For which controls of which frameworks a check is evidence. `profiles/controls/` has a file for each
framework; this page is made from them (`make docs`).

## How to read it

A check stands at a control where its outcome shows that the control works in operation: each file says why,
in a comment. It is never the whole evidence of a control, and no mapping here was reviewed by an auditor:
policies, reviews and people's approvals cannot be seen from a cluster. A control that is not named here is
one that no check speaks for yet.

What to show: the run's folder. `findings.json` has each check's controls beside its outcome, its population
and its findings; `junit.xml` has a property `control` for each; `facts/` has what was seen and when, and
`SHA256SUMS` shows that nothing was changed since. `pytest --explain IDP-001` names them as well. A passed
check supports its controls, a failed one speaks against them, and an unknown or skipped one says nothing of
them.

## Your own

Files in `profiles/controls/`, where you call pytest, are read beside the suite's. One with the same
`framework` takes the place of the suite's own file.

```yaml
framework: ACME              # stands before the control in reports: ACME 4.2
title: ACME's security baseline, edition 7
source: https://intranet.acme.example/baseline
controls:
  "4.2":                     # quoted, where YAML would read a number
    title: Work gets the resources that it was promised
    checks: [SCHED-001]      # why: a pod without a node does not get them
```

Titles are your own words: the texts of most standards are copyrighted. A check that does not exist, an
unknown key and a control given twice are mistakes, told with file and line; pytest then ends with exit
status 4. A check of a pack counts where the profile names the pack, and is passed over where not.
"""


def mapping(described: Sequence[Framework]) -> str:
    """Markdown: how to read it, and a table for each framework."""
    return "\n".join([_HEAD, *(line for framework in described for line in _table(framework))])


def _table(framework: Framework) -> Iterator[str]:
    yield f"## {framework.framework}\n"
    yield f"[{framework.title}]({framework.source})\n"
    yield "| control | in our words | checks |"
    yield "|---|---|---|"
    for number, control in framework.controls.items():
        checks = ", ".join(f"[{id}](checks.md#{id.lower()})" for id in control.checks)
        yield f"| {number} | {control.title} | {checks} |"
    yield ""


if __name__ == "__main__":
    print(mapping(frameworks([SUITE / "profiles" / "controls"], known_checks())).rstrip("\n"))
