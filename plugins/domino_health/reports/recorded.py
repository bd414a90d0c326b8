"""Reads again what a run has written: its verdict, its profile, its facts, and whether they were changed."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from domino_health.facts.observed import FACTS_FORMAT, Observed, Outcome, Seen
from domino_health.profile import files
from domino_health.reports.evidence import FORMAT, SUMS

_LARGEST = 4 << 30
"""Bytes of a fact, unpacked: a million objects are a few hundred MiB."""
_LARGEST_FILE = 256 << 20
"""Bytes of any other file: a million findings."""


class RecordedError(Exception):
    """What a run has left cannot be judged again, and why."""


class _Verdict(msgspec.Struct, frozen=True):
    format: int
    profile: str
    gate: str
    began: datetime
    exit_status: int
    domino_health: str = ""


class _Seen(Seen, frozen=True, kw_only=True):
    objects: msgspec.Raw = msgspec.Raw(b"[]")


class _Fact(msgspec.Struct, frozen=True):
    format: int
    fact: str
    absent: str
    targets: list[_Seen]


class _Result(msgspec.Struct, frozen=True):
    id: str
    controls: tuple[str, ...] = ()


class _Findings(msgspec.Struct, frozen=True):
    results: tuple[_Result, ...]


@dataclass(frozen=True)
class Recorded:
    """A run's folder, opened for another look at it."""

    folder: Path
    profile_name: str
    gate: str
    began: datetime
    exit_status: int
    verified: bool
    """Whether every file was found as ``SHA256SUMS`` has it; without that file nobody can tell."""

    @property
    def profile(self) -> Path:
        """The profile as it was used."""
        return self.folder / "profile.yaml"

    def controls(self) -> dict[str, tuple[str, ...]]:
        """What each check was evidence for; nothing where findings.json cannot be read."""
        try:
            content = files.read(self.folder / "findings.json", _LARGEST_FILE)
            found = msgspec.json.decode(content, type=_Findings)
        except (ValueError, RecursionError):
            return {}
        return {result.id: result.controls for result in found.results}

    def observed(self, fact: str, type: type) -> Observed:
        """A fact as it was seen then; one that was not gathered could not be seen.

        Args:
            fact: its name.
            type: what its objects decode to.
        """
        path = self.folder / "facts" / f"{fact}.json.gz"
        if not path.exists():
            return self._missing(fact, f"the run did not gather {fact}")
        try:
            content = msgspec.json.decode(_unpacked(path), type=_Fact)
            _require_format(path, content.format, FACTS_FORMAT)
            targets = [
                Seen(
                    **{
                        **{name: getattr(seen, name) for name in Seen.__struct_fields__},
                        "objects": tuple(msgspec.json.decode(seen.objects, type=list[type])),  # type: ignore[valid-type]
                    }
                )
                for seen in content.targets
            ]
        except (OSError, EOFError, zlib.error, ValueError, RecursionError, RecordedError) as error:
            return self._missing(fact, f"{path.name} cannot be read: {error}")
        except MemoryError:
            return self._missing(fact, f"{path.name} cannot be read: this machine has not enough memory")
        return Observed(fact, tuple(targets), content.absent)

    def _missing(self, fact: str, why: str) -> Observed:
        cure = "run the checks again; a replay knows only what was recorded"
        seen = Seen(
            target=fact, outcome=Outcome.FAILED, how=f"read {self.folder.name}/facts/{fact}.json.gz",
            at=self.began, seconds=0.0, reason=why, cure=cure,
        )  # fmt: skip
        return Observed(fact, (seen,))


def open_recorded(folder: Path) -> Recorded:
    """Open a run's folder.

    Raises:
        RecordedError: it is none, its run came to no verdict, or it was changed since.
    """
    path = folder / "verdict.json"
    try:
        if not folder.is_dir():
            raise RecordedError("there is no such folder")
        if not path.exists():
            raise RecordedError(
                "it holds no verdict.json: it is no run's folder, or its run was killed before its verdict"
            )
        verdict = msgspec.json.decode(files.read(path, _LARGEST_FILE), type=_Verdict)
        began = verdict.began.astimezone(UTC)
    except (OSError, ValueError, RecursionError, OverflowError) as error:
        raise RecordedError(f"verdict.json cannot be read: {error}") from None
    _require_format(path, verdict.format, FORMAT)
    if not (folder / "profile.yaml").is_file():
        raise RecordedError("it holds no profile.yaml")
    return Recorded(folder, verdict.profile, verdict.gate, began, verdict.exit_status, _verify(folder))


def _require_format(path: Path, given: int, known: int) -> None:
    if given not in (known, known - 1):
        raise RecordedError(
            f"{path.name} is of format {given}; this version reads {known} and the one before: "
            "use the version that wrote it"
        )


def _verify(folder: Path) -> bool:
    """Whether there is a list of digests. Every file of it must be as it was."""
    if not (folder / SUMS).exists():
        return False
    try:
        lines = files.read(folder / SUMS, _LARGEST_FILE).decode().splitlines()
    except ValueError as error:
        raise RecordedError(f"{SUMS} cannot be read: {error}") from None
    for line in lines:
        digest, _, name = line.partition("  ")
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise RecordedError(f"{SUMS} names {name}, which is not in this folder")
        try:
            same = _digest(folder / name) == digest
        except (OSError, ValueError) as error:
            raise RecordedError(f"{SUMS} names {name}, which cannot be read: {error}") from None
        if not same:
            raise RecordedError(f"{name} was changed since the run: it does not match {SUMS}")
    listed = {line.partition("  ")[2] for line in lines}
    read = {path.relative_to(folder).as_posix() for pattern in _READ for path in folder.glob(pattern)}
    if added := sorted(read - listed):
        raise RecordedError(f"{added[0]} is not in {SUMS}: it was added since the run")
    return True


_READ = ("verdict.json", "profile.yaml", "findings.json", "facts/*.json.gz", "knowledge/*.md")
"""What a replay rests on."""


def _digest(path: Path) -> str:
    files.require_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpacked(path: Path) -> bytes:
    files.require_file(path)
    with gzip.open(path) as file:
        content: Any = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise RecordedError("it unpacks to more than 4 GiB")
    return bytes(content)
