"""``profiles/controls``: which controls of which frameworks a check is evidence for.

A file a framework: the suite's own, and the site's in the place of those of the same framework.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pydantic

from domino_health.profile.base import Many, Section
from domino_health.profile.document import Document, Loc, parse
from domino_health.profile.errors import Problem, ProfileError, did_you_mean, nearest
from domino_health.profile.finding import text_of
from domino_health.profile.judging import Line
from domino_health.profile.mistakes import validated
from domino_health.vocabulary import area_of


class Control(Section):
    """One control: what it asks for, and what speaks for it."""

    sample: ClassVar = "checks: [SCHED-001]"

    title: Line
    """What it asks for, in a few words of one's own: the texts of most standards are copyrighted."""
    checks: Annotated[tuple[str, ...], Many]
    """Ids of the checks whose outcome is evidence for it."""


def _page(value: str) -> str:
    if not value.startswith("https://") or not value.isprintable() or " " in value:
        raise ValueError("must be the address of the standard's own page; it begins with https://")
    return value


def _some(value: Any) -> Any:
    if value == {}:
        raise ValueError("is empty; name at least one control")
    return value


class Framework(Section):
    """One framework, as a file describes it."""

    framework: Line
    """Its name, as reports put it before a control's: ``SOC 2``."""
    title: Line
    """Its full name, with the edition."""
    source: Annotated[str, pydantic.AfterValidator(_page)]
    """The standard's own page."""
    controls: Annotated[dict[str, Control], pydantic.BeforeValidator(_some)]
    """Its controls, by their numbers."""


def frameworks(directories: Sequence[Path], known: Collection[str]) -> tuple[Framework, ...]:
    """All frameworks that the files ``*.yaml`` and ``*.yml`` in the directories describe, by name.

    Args:
        directories: the suite's own first; a later one's file takes the place of an earlier one's of the
            same framework. One that is not there describes nothing.
        known: ids of all checks.

    Raises:
        ProfileError: every mistake of every file, with its line and its cure.
    """
    found: dict[str, Framework] = {}
    problems: list[Problem] = []
    for directory in dict.fromkeys(each.resolve() for each in directories):
        here: dict[str, tuple[Path, Framework]] = {}
        for path in sorted((*directory.glob("[!.]*.yaml"), *directory.glob("[!.]*.yml"))):
            document = _read(path)
            framework = _validated(document, known)
            if framework is not None and not document.problems:
                first, _ = here.setdefault(framework.framework, (path, framework))
                if first != path:
                    document.complain(
                        ("framework",), f"{first.name} describes {framework.framework} as well; keep one file"
                    )
            problems += (Problem(each.line, each.path, each.message, path) for each in document.problems)
        found |= {name: framework for name, (_, framework) in here.items()}
    if problems:
        raise ProfileError(next(each.source for each in problems if each.source), problems)
    return tuple(found[name] for name in sorted(found))


def evidence(described: Sequence[Framework]) -> dict[str, tuple[str, ...]]:
    """Check id to the controls that it is evidence for, in their frameworks' order: ``SOC 2 A1.1``.

    Ids of checks that this profile does not know are among them.
    """
    controls: dict[str, tuple[str, ...]] = {}
    for framework in described:
        for number, control in framework.controls.items():
            for id in control.checks:
                controls[id] = (*controls.get(id, ()), f"{framework.framework} {number}")
    return controls


def _read(path: Path) -> Document:
    try:
        document = parse(text_of(path, "file of controls"), path)
    except ProfileError as error:
        return Document(source=path, problems=list(error.problems))
    if not document.problems and not isinstance(document.data, dict):
        document.complain((), "must be keys and values; begin with framework: and its name")
    return document


def _validated(document: Document, known: Collection[str]) -> Framework | None:
    if not isinstance(document.data, dict):
        return None
    areas = {area_of(id) for id in known}
    for loc, id in _named(document.data):
        area = area_of(id)
        # One of an area that nobody here has may be a pack's, which this profile does not name.
        if id not in known and (area in areas or not area or nearest(area, areas)):
            document.complain(loc, f"no such check: {id}{did_you_mean(id, known)}")
    return validated(document, Framework)


def _named(data: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Where each check is named; what is none of the right form is told of by the models."""
    controls = data.get("controls")
    for number, control in controls.items() if isinstance(controls, dict) else ():
        checks = control.get("checks") if isinstance(control, dict) else None
        for index, id in enumerate(checks if isinstance(checks, list) else ()):
            if isinstance(id, str):
                yield ("controls", number, "checks", index), id
