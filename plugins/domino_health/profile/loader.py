"""From a name or a path to a profile, or to all of its mistakes at once."""

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from domino_health.profile.document import Document, Loc, parse, resolve
from domino_health.profile.errors import Problem, ProfileError, did_you_mean
from domino_health.profile.models import Profile
from domino_health.profile.resolved import spell_out
from domino_health.redact import Redactor
from domino_health.vocabulary import CheckSpec, clean, spec_of, threshold_types

Check = Callable[..., Any]
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
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Check id to the thresholds that the profile sets, typed."""


def find(name: str, directories: Sequence[Path]) -> Path:
    """The file of ``--profile NAME``: a path, or a name in one of the directories.

    Raises:
        ProfileError: there is none, with the names that there are.
    """
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        if path.is_file():
            return path
        raise ProfileError(path, [Problem(0, "", "no such file")])
    candidates = [directory / f"{name}{suffix}" for directory in directories for suffix in (".yaml", ".yml")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = {file.stem for directory in directories for file in directory.glob("*.y*ml")}
    raise ProfileError(candidates[0], [Problem(0, "", f"no such profile{did_you_mean(name, known)}")])


def load(
    name: str, *, directories: Sequence[Path], checks: Mapping[str, Check], start_lab: StartLab
) -> Loaded:
    """Read, resolve and validate a profile.

    Args:
        name: of ``--profile``: a name or a path.
        directories: where names are looked up, the first one first.
        checks: all known checks by id, to hold thresholds against.
        start_lab: starts the demo platform a profile asks for and gives the variables it defines.

    Raises:
        ProfileError: with every mistake, its line, its path and its cure.
    """
    source = find(name, directories)
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(source, [Problem(0, "", f"cannot be read: {error}")]) from None
    document = parse(text)
    if document.data is None and not document.problems:
        document.complain((), "is empty; begin with version: 1")
    elif not isinstance(document.data, dict) and not document.problems:
        document.complain((), "must be keys and values; begin with version: 1")
    if not isinstance(document.data, dict):
        raise ProfileError(source, document.problems)

    raw = document.data
    variables = start_lab(document.data["lab"]) if document.data.get("lab") in ("faulty", "healthy") else {}
    resolve(document, source.parent, variables)
    _refuse_referenced_names(document)
    profile = _validate(document, source)
    if profile is not None:
        _refuse_plain_secrets(document, profile, ())
    thresholds = _thresholds(document, checks)
    redactor = Redactor(document.secrets)
    if profile is None or document.problems:
        raise ProfileError(
            source, [Problem(p.line, p.path, redactor.scrub(p.message)) for p in document.problems]
        )
    resolved = redactor.scrub(spell_out(profile, raw, document.referenced, checks, thresholds))
    return Loaded(clean(source.stem), source, profile, resolved, redactor, thresholds)


def _refuse_referenced_names(document: Document) -> None:
    for loc in document.referenced:
        if loc[-1] == "name":
            document.complain(loc, "a name stands in every report and cannot come from a reference")


def _refuse_plain_secrets(document: Document, value: Any, loc: Loc) -> None:
    """A profile is kept in version control and copied into reports, so no secret may stand in it."""
    if isinstance(value, pydantic.SecretStr) and loc not in document.referenced:
        document.complain(loc, "a secret must not stand in a profile; write ${NAME} or ${file:PATH}")
    elif isinstance(value, pydantic.BaseModel):
        for name in type(value).model_fields:
            _refuse_plain_secrets(document, getattr(value, name), (*loc, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            _refuse_plain_secrets(document, item, (*loc, index))


def _validate(document: Document, source: Path) -> Profile | None:
    try:
        return Profile.model_validate(document.data, context={"directory": source.parent.absolute()})
    except pydantic.ValidationError as error:
        for mistake in error.errors(include_url=False, include_input=False):
            _complain(document, mistake)
        return None


def _complain(document: Document, mistake: ErrorDetails) -> None:
    loc: Loc = mistake["loc"]
    if mistake["type"] == "extra_forbidden":
        document.complain(loc, f"unknown key{did_you_mean(str(loc[-1]), _keys_at(loc[:-1]))}")
    elif mistake["type"] == "missing":
        document.complain(loc[:-1], f"{loc[-1]} is missing")
    else:
        message = mistake["msg"].removeprefix("Value error, ")
        document.complain(loc, message[:1].lower() + message[1:])


def _keys_at(loc: Loc) -> set[str]:
    """The keys that the model at ``loc`` knows."""
    annotation: Any = Profile
    for part in loc:
        if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
            known = annotation.model_fields.get(str(part))
            annotation = known.annotation if known else None
        annotation = _model_within(annotation)
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return set(annotation.model_fields)
    return set()


def _model_within(annotation: Any) -> Any:
    """The model inside ``tuple[Model, ...] | None`` and the like, or the annotation itself."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation
    for argument in typing.get_args(annotation):
        within = _model_within(argument)
        if isinstance(within, type) and issubclass(within, pydantic.BaseModel):
            return within
    return annotation


def _thresholds(document: Document, checks: Mapping[str, Check]) -> dict[str, dict[str, Any]]:
    given = document.data.get("thresholds")
    typed: dict[str, dict[str, Any]] = {}
    for id, values in given.items() if isinstance(given, dict) else ():
        loc: Loc = ("thresholds", id)
        if id not in checks:
            document.complain(loc, f"no such check{did_you_mean(id, checks)}")
        elif isinstance(values, dict):
            spec = spec_of(checks[id])
            assert spec is not None, "a known check has a specification"
            annotations = threshold_types(checks[id])
            typed[id] = {
                name: _threshold(document, (*loc, name), spec, annotations, value)
                for name, value in values.items()
            }
    return typed


def _threshold(
    document: Document, loc: Loc, spec: CheckSpec, annotations: Mapping[str, Any], value: Any
) -> Any:
    name = str(loc[-1])
    if name not in spec.thresholds:
        document.complain(loc, f"{spec.id} has no such threshold{did_you_mean(name, spec.thresholds)}")
        return None
    try:
        return pydantic.TypeAdapter(annotations[name]).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        for mistake in error.errors(include_url=False, include_input=False):
            document.complain(loc, mistake["msg"].removeprefix("Value error, "))
        return None
