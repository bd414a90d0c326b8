"""The run before this one, read from its reports."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from domino_health.collectors.looking import CollectionError, Deadline, Look, NothingToLookAtError, Target
from domino_health.facts.previous import PreviousFinding, PreviousRun
from domino_health.profile.files import read
from domino_health.vocabulary import Ref

_LARGEST = 256 << 20
"""Bytes of findings.json: a million findings."""


class _Verdict(msgspec.Struct):
    began: datetime
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
    folder = _latest(look.reports) if look.reports else None
    if folder is None:
        raise NothingToLookAtError("there is no earlier run of this profile")
    return [Target("latest", f"read {folder}", timedelta(seconds=30), partial(_read, folder))]


def _latest(reports: Path) -> Path | None:
    pointer = reports / "latest"
    if pointer.is_symlink() or pointer.is_dir():
        return pointer.resolve() if pointer.is_dir() else None
    try:  # where the file system knows no links, it is a file with the name
        name = pointer.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return reports / name if name and (reports / name).is_dir() else None


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
        return msgspec.json.decode(read(path, _LARGEST), type=type)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise CollectionError(
            f"{path}: the run before this one left nothing that can be read: {error}",
            "see how that run ended; this one replaces it",
        ) from None
