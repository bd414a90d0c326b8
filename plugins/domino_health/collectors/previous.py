"""The run before this one, read from its reports."""

import gzip
import os
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from domino_health.collectors.looking import (
    CollectionError,
    Collector,
    Deadline,
    Look,
    NothingToLookAtError,
    Target,
)
from domino_health.facts.api import Moment
from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.profile.files import read, require_file
from domino_health.vocabulary import Ref

_LARGEST = 64 << 20
"""Bytes of findings.json: 250,000 findings, in a few seconds."""
_LONGEST_NAME = 255
"""Bytes; no file system takes more."""


class _Verdict(msgspec.Struct):
    began: Moment
    gate: str
    exit_status: int


class _Finding(msgspec.Struct):
    subject: Ref
    severity: str | None = None


class _Waived(msgspec.Struct):
    finding: _Finding


class _Result(msgspec.Struct):
    id: str
    state: str
    findings: list[_Finding] = []
    waived: list[_Waived] = []
    unseen: list[msgspec.Raw] = []


class _Findings(msgspec.Struct):
    results: list[_Result]


def previous(look: Look) -> list[Target[PreviousRun]]:
    """The run that ``latest`` names, in the folder of this profile's reports."""
    pointer = look.reports / "latest" if look.reports else None
    if pointer is None or not os.path.lexists(pointer):
        raise NothingToLookAtError("there is no earlier run of this profile")
    if (folder := _named_by(pointer)) is None:
        raise NothingToLookAtError(f"{pointer} names no run beside it")
    return [Target("latest", f"read {folder}", timedelta(seconds=30), partial(_read, folder))]


class _Target(msgspec.Struct):
    objects: msgspec.Raw = msgspec.Raw(b"[]")


class _Fact(msgspec.Struct):
    targets: list[_Target]


def earlier(fact: str, type: type[Any]) -> Collector:
    """A collector of what the run before this one has seen of a fact.

    Args:
        fact: its name.
        type: what its objects are.
    """

    def look_back(look: Look) -> list[Target[Any]]:
        (latest,) = previous(look)
        folder = Path(str(latest.how).removeprefix("read "))
        path = folder / "facts" / f"{fact}.json.gz"
        if not path.exists():
            raise NothingToLookAtError(f"the run before this one did not look at {fact}")
        return [Target("latest", f"read {path}", latest.allowed, partial(_read_fact, path, type))]

    look_back.__doc__ = f"``{fact}`` as the run before this one saw it."
    return look_back


def _read_fact(
    path: Path, type: type[Any], _deadline: Deadline, _say: Callable[[str], None]
) -> Sequence[Any]:
    try:
        require_file(path)
        with gzip.open(path) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"more than {_LARGEST >> 20} MiB")
        targets = msgspec.json.decode(content, type=_Fact).targets
        return [
            each
            for target in targets
            for each in msgspec.json.decode(target.objects, type=list[type])  # type: ignore[valid-type]
        ]
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise CollectionError(
            f"{path}: what the run before this one saw cannot be read: {error}",
            "see how that run ended; this one replaces it",
        ) from None


def _named_by(pointer: Path) -> Path | None:
    """The folder that ``latest`` names, one of those beside it: whoever wrote it must not lead elsewhere."""
    try:
        folder = pointer.resolve()
        if not folder.is_dir():  # where the file system knows no links, it is a file with the name
            folder = (pointer.parent / read(pointer, _LONGEST_NAME).decode().strip()).resolve()
        return folder if folder.is_dir() and folder.parent == pointer.parent.resolve() else None
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle
        return None


def _read(folder: Path, _deadline: Deadline, _say: Callable[[str], None]) -> Sequence[PreviousRun]:
    verdict: _Verdict = _decoded(folder / "verdict.json", _Verdict)
    found: _Findings = _decoded(folder / "findings.json", _Findings)
    findings = [
        PreviousFinding(result.id, each.subject.text(with_cluster=True), each.severity or "", waived)
        for result in found.results
        for each, waived in [
            *((finding, False) for finding in result.findings),
            *((one.finding, True) for one in result.waived),
        ]
    ]
    states = {result.id: result.state for result in found.results}
    return [
        PreviousRun(
            folder=folder.name,
            began=verdict.began,
            gate=verdict.gate,
            exit_status=verdict.exit_status,
            states=states,
            blind=tuple(result.id for result in found.results if result.unseen),
            findings=tuple(findings),
        )
    ]


def _decoded(path: Path, type: type[Any]) -> Any:
    try:
        content = read(path, _LARGEST)
        if len(content) > _LARGEST:
            raise ValueError(f"more than {_LARGEST >> 20} MiB")
        return msgspec.json.decode(content, type=type)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise CollectionError(
            f"{path}: the run before this one left nothing that can be read: {error}",
            "see how that run ended; this one replaces it",
        ) from None
