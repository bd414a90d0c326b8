"""From a name or a path to a profile, or to all of its mistakes at once."""

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from domino_health.profile import files
from domino_health.profile.base import Section
from domino_health.profile.document import Document, Loc, parse
from domino_health.profile.errors import Problem, ProfileError, did_you_mean, nearest, reworded
from domino_health.profile.models import Profile
from domino_health.profile.references import resolve
from domino_health.profile.resolved import spell_out
from domino_health.profile.thresholds import Check, spelled, typed
from domino_health.redact import Redactor
from domino_health.vocabulary import clean

StartLab = Callable[[str], Mapping[str, str]]

_LARGEST = 1 << 18


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


def find(name: str, directories: Sequence[Path]) -> Path:
    """The file of ``--profile NAME``: a path, or a name in one of the directories.

    Raises:
        ProfileError: there is none, with the names that there are.
    """
    if not name.strip():
        message = f"names no profile{did_you_mean(name, _known(directories))}"
        raise ProfileError(Path("--profile="), [Problem(0, "", message)])
    path = files.located(name, Path())
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        try:
            files.require_file(path)
        except ValueError as error:
            raise ProfileError(path, [Problem(0, "", _directory(path) or str(error))]) from None
        return path
    for directory in directories:
        for candidate in (directory / f"{name}.yaml", directory / f"{name}.yml"):
            if _is_file(candidate):
                return candidate
    # Only what is spelled as a path: `profiles` may be a name that is misspelled.
    if ("/" in name or name in (".", "..")) and (message := _directory(path)):
        raise ProfileError(path, [Problem(0, "", message)])
    source = directories[0] / f"{name}.yaml" if directories else path
    raise ProfileError(source, [Problem(0, "", f"no such profile{did_you_mean(name, _known(directories))}")])


def _directory(path: Path) -> str:
    """What to do when ``path`` is a directory, or nothing."""
    try:
        if not path.is_dir():
            return ""
    except OSError:  # a name that is too long
        return ""
    inside = ", ".join(str(file) for file in sorted(_profiles_in(path)))
    return f"is a directory; name a file in it{': ' if inside else ''}{inside}"


def _known(directories: Sequence[Path]) -> set[str]:
    return {file.stem for directory in directories for file in _profiles_in(directory)}


def _profiles_in(directory: Path) -> Iterator[Path]:
    # Hidden ones, such as .pre-commit-config.yaml, are other tools'.
    return (file for file in directory.glob("[!.]*.y*ml") if _is_file(file))


def _is_file(path: Path) -> bool:
    try:
        files.require_file(path)
    except ValueError:
        return False
    return True


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
    document = parse(_text(source))
    if not document.problems and document.data is None:
        document.problems.append(Problem(0, "", "is empty; begin with version: 1"))
    elif not document.problems and not isinstance(document.data, dict):
        document.complain((), "must be keys and values; begin with version: 1")
    if not isinstance(document.data, dict):
        raise ProfileError(source, document.problems)

    lab = document.data.get("lab")
    resolve(document, source.parent, start_lab(lab) if lab in ("faulty", "healthy") else {})
    thresholds = typed(document, checks)
    profile = _validate(document, source)
    redactor = Redactor(document.secrets)
    if profile is None or document.problems:
        raise ProfileError(
            source, [Problem(p.line, p.path, redactor.scrub(p.message)) for p in document.problems]
        )
    resolved = spell_out(profile, spelled(thresholds, checks), document.references, redactor)
    return Loaded(clean(source.stem), source, profile, resolved, redactor, thresholds)


def _text(source: Path) -> str:
    try:
        content = files.read(source, _LARGEST)
    except ValueError as error:
        raise ProfileError(source, [Problem(0, "", f"cannot be read: {error}")]) from None
    if len(content) > _LARGEST:
        raise ProfileError(source, [Problem(0, "", "larger than 256 KiB; this is not a profile")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        message = f"cannot be read: byte {byte:#04x} is not UTF-8; save the file as UTF-8"
        raise ProfileError(source, [Problem(line, "", message)]) from None


def _validate(document: Document, source: Path) -> Profile | None:
    try:
        return Profile.model_validate(document.data, context={"directory": source.parent.absolute()})
    except pydantic.ValidationError as error:
        for mistake in _one_each(document, error.errors(include_url=False)):
            _complain(document, mistake)
        return None


def _one_each(document: Document, mistakes: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without what follows from another mistake."""
    unknown = [each["loc"] for each in mistakes if each["type"] == "extra_forbidden"]
    # With `adress` told, and that address was meant, it is not told as missing too.
    meant = {(*loc[:-1], nearest(str(loc[-1]), _model_at(loc[:-1]).model_fields)) for loc in unknown}
    return [
        each
        for each in mistakes
        if each["loc"] in unknown
        or not (document.is_told(each["loc"]) or (each["type"] == "missing" and each["loc"] in meant))
    ]


def _complain(document: Document, mistake: ErrorDetails) -> None:
    loc: Loc = mistake["loc"]
    if mistake["type"] == "extra_forbidden":
        hint = did_you_mean(str(loc[-1]), _model_at(loc[:-1]).model_fields)
        document.complain_instead(loc, f"unknown key{hint}")
    elif mistake["type"] == "missing":
        document.complain(loc[:-1], f"{loc[-1]} is missing")
    elif mistake["type"] == "twice":
        _complain_of_doubles(document, loc, mistake["ctx"]["again"])
    elif mistake["type"] == "model_type":
        sample = _model_at(loc).sample
        document.complain(loc, reworded(mistake) + (f", such as `{sample}`" if sample else ""))
    else:
        document.complain(loc, reworded(mistake))


def _complain_of_doubles(document: Document, loc: Loc, again: Mapping[int, tuple[str, int]]) -> None:
    for index, (name, first) in again.items():
        line = document.line((*loc, first))
        document.complain(
            (*loc, index),
            f"two are called {name}, the first on line {line}; keep one, or give them different names",
        )


def _model_at(loc: Loc) -> type[Section]:
    model: type[Section] = Profile
    for part in loc:
        if isinstance(part, str):
            model = next(_models(model.model_fields[part].annotation))
    return model


def _models(annotation: Any) -> Iterator[type[Section]]:
    """The models inside of ``Annotated[tuple[Model, ...], Many] | None`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
