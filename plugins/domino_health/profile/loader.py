"""From a name or a path to a profile, or to all of its mistakes at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from domino_health.profile import files, inspec, judging
from domino_health.profile.document import Document, Loc, parse
from domino_health.profile.errors import Problem, ProfileError
from domino_health.profile.extending import extended
from domino_health.profile.finding import find, text_of
from domino_health.profile.mistakes import validated
from domino_health.profile.models import Profile
from domino_health.profile.packs import Pack, PackError, load_packs, model_with
from domino_health.profile.references import resolve, unescaped
from domino_health.profile.resolved import spell_out, spell_out_as_written
from domino_health.profile.thresholds import Check, spelled, typed
from domino_health.redact import Redactor
from domino_health.rules import Gate, Waiver
from domino_health.vocabulary import Severity, clean

StartLab = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True)
class Loaded:
    """A profile that is fit for use, and what the engine must know beside it."""

    name: str
    source: Path
    profile: Profile
    resolved: str
    """Every final value, as YAML; references stay references. What reports keep."""
    redactor: Redactor
    """Takes every referenced value out of whatever is shown."""
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Check id to the thresholds that the profile sets, typed."""
    checks: Mapping[str, Check] = field(default_factory=dict, repr=False)
    """All known checks by id, those of packs too."""
    packs: tuple[Pack, ...] = ()
    gates: Mapping[str, Gate] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    places: Mapping[Loc, str] = field(default_factory=dict, repr=False)
    """Where each value of the profile was written: ``prod.yaml:7``."""
    scalars: frozenset[Loc] = field(default_factory=frozenset, repr=False)
    """Those places at which a single value was written."""
    remarks: tuple[str, ...] = ()
    """What is not followed as it was written, a line each: no mistake, but worth knowing."""

    def called(self, name: str) -> "Loaded":
        """The same under another name: a recorded one's file is called ``profile.yaml``."""
        return replace(self, name=clean(name))

    @property
    def severities(self) -> Mapping[str, Severity]:
        """Check id to the severity that the profile gives it."""
        return {id: Severity(name) for id, name in self.profile.severities.items()}


def _no_packs(name: str) -> Pack:
    raise PackError(f"there is no package {name}")


def load(
    name: str,
    *,
    directories: Sequence[Path],
    checks: Mapping[str, Check],
    start_lab: StartLab,
    load_pack: Callable[[str], Pack] = _no_packs,
    offline: bool = False,
) -> Loaded:
    """Read, resolve and validate a profile.

    Args:
        name: of ``--profile``: a name or a path.
        directories: where names are looked up, the first one first.
        checks: the suite's own checks by id, to hold thresholds against.
        start_lab: starts the demo platform a profile asks for and gives the variables it defines.
        load_pack: imports a pack.
        offline: for a replay: nothing is looked at, so that no reference is resolved and no file but the
            profile need be there. Sections that say how to reach the platform are not held against anything.

    Raises:
        ProfileError: with every mistake, its line, its path and its cure.
    """
    document = _read(find(name, directories), directories)
    if not offline:
        lab = document.data.get("lab")
        resolve(document, document.source.parent, start_lab(lab) if lab in ("faulty", "healthy") else {})
    remarks = inspec.imported(document)
    written = document.data
    if offline:
        document.data = {key: unescaped(value) if key in _KEPT else value for key, value in written.items()}
    packs = load_packs(document, checks, load_pack)
    if any(loc[:1] == ("packs",) for loc in document.told):
        # Nobody knows which checks and sections it would have brought: all else would only follow from it.
        raise _mistakes(document)
    known = {**checks, **{id: check for pack in packs for id, check in pack.checks.items()}}
    judging.hold(document, known)
    thresholds = typed(document, known)
    model = model_with(packs)
    profile = _judged_by(document, model) if offline else validated(document, model)
    redactor = Redactor(document.secrets)
    if profile is None or document.problems:
        raise _mistakes(document)
    final = spelled(thresholds, known)
    if offline:
        resolved = spell_out_as_written(written, final)
    else:
        resolved = spell_out(profile, final, document.references, redactor)
    return Loaded(
        name=clean(document.source.stem),
        source=document.source,
        profile=profile,
        resolved=resolved,
        redactor=redactor,
        thresholds=thresholds,
        checks=known,
        packs=packs,
        gates=judging.gates(profile.gates),
        waivers=judging.waivers(profile.waivers or ()),
        places={
            loc: f"{source.name}:{line}" for loc in document.lines for source, line in [document.place(loc)]
        },
        scalars=frozenset(_scalars(document.data, ())),
        remarks=tuple(map(redactor.scrub, remarks)),
    )


def _mistakes(document: Document) -> ProfileError:
    """All that is wrong, without secrets."""
    redactor = Redactor(document.secrets)
    problems = [Problem(p.line, p.path, redactor.scrub(p.message), p.source) for p in document.problems]
    return ProfileError(document.source, problems)


def _scalars(value: Any, loc: Loc) -> Iterator[Loc]:
    """Where single values stand."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _scalars(item, (*loc, key))
    else:
        yield loc


def _read(source: Path, directories: Sequence[Path]) -> Document:
    """The document of a profile, with what it takes from the one that it extends.

    Raises:
        ProfileError: either is no mapping at all.
    """
    document = _parsed(source)
    wanted = document.data.get("extends")
    if not isinstance(wanted, str) or not wanted:
        return document
    path = files.located(wanted, source.parent)
    beside = path.with_name(f"{path.name}.yaml")
    if path.suffix not in (".yaml", ".yml") and beside.is_file():
        path = beside
    try:
        path = path if path.suffix in (".yaml", ".yml") else find(wanted, directories)
        base = _parsed(path)
    except ProfileError as error:
        document.problems += [
            Problem(document.line(("extends",)), "extends", f"{path}: {problem.message}")
            if not problem.line
            else Problem(problem.line, problem.path, problem.message, error.source)
            for problem in error.problems
        ]
        raise ProfileError(source, document.problems) from None
    if "extends" in base.data:
        document.complain(("extends",), f"{path} extends another profile itself; one step is all there is")
    del document.data["extends"]
    extended(document, base, path.parent)
    return document


def _parsed(source: Path) -> Document:
    document = parse(text_of(source), source)
    if not document.problems and document.data is None:
        document.problems.append(Problem(0, "", "is empty; begin with version: 1"))
    elif not document.problems and not isinstance(document.data, dict):
        document.complain((), "must be keys and values; begin with version: 1")
    if not isinstance(document.data, dict):
        raise ProfileError(source, document.problems)
    return document


_KEPT = ("version", "description", "packs", *judging.JUDGED_BY)


def _judged_by(document: Document, model: type[Profile]) -> Profile | None:
    """A profile of which only what judges is read; its other sections are there, as they were written."""
    if unknown := sorted(set(document.data) - set(model.model_fields)):
        for key in unknown:
            document.complain((key,), "unknown key")
        return None
    written = document.data
    document.data = {key: value for key, value in written.items() if key in _KEPT}
    profile = validated(document, model)
    document.data = written
    others = {key: value for key, value in written.items() if key not in _KEPT}
    return profile.model_copy(update=others) if profile else None
