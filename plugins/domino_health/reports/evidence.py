"""findings.json, verdict.json, the facts and the profile: what proves the verdict later."""

import gzip
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from domino_health.facts.observed import FACTS_FORMAT, Observed
from domino_health.reports.record import Record

FORMAT = 1
"""Version of findings.json and verdict.json. The one before is still read."""


def write(record: Record, folder: Path) -> None:
    """Write every file of evidence, each whole or not at all.

    Raises:
        OSError: a file could not be written.
    """
    scrub = record.redactor.scrub
    _write(folder / "profile.yaml", record.resolved.encode())
    _write(folder / "findings.json", scrub(_pretty(findings(record))).encode())
    (folder / "facts").mkdir(exist_ok=True)
    for name, observed in record.observed.items():
        text = scrub(msgspec.json.encode(_fact(observed)).decode())
        _write(folder / "facts" / f"{name}.json.gz", gzip.compress(text.encode(), compresslevel=6, mtime=0))
    _write(folder / "verdict.json", scrub(_pretty(verdict(record))).encode())


def findings(record: Record) -> dict[str, Any]:
    """Every check's result, findings and all."""
    return {"format": FORMAT, "profile": record.profile, "results": record.results}


def verdict(record: Record) -> dict[str, Any]:
    """May we go on, why not, and what that rests on."""
    return {
        "format": FORMAT,
        "domino_health": record.version,
        "profile": record.profile,
        "gate": record.verdict.gate,
        "closes_at": record.verdict.closes_at,
        "verdict": record.verdict.word,
        "exit_status": record.verdict.exit_status,
        "reasons": record.verdict.reasons,
        "checks": {
            "known": record.verdict.known,
            "selected": record.verdict.selected,
            "assessed": record.verdict.assessed,
            "states": record.verdict.states,
        },
        "began": record.began,
        "finished": record.finished,
        "clock": {"source": record.clock, "skew_seconds": record.skew},
        "unseen": list(_unseen(record)),
    }


def _unseen(record: Record) -> Iterator[Any]:
    for observed in record.observed.values():
        yield from observed.unseen


def _fact(observed: Observed) -> dict[str, Any]:
    return {
        "format": FACTS_FORMAT,
        "fact": observed.fact,
        "absent": observed.absent,
        "targets": observed.targets,
    }


def _pretty(data: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(data, order="deterministic"), indent=2).decode() + "\n"


def _write(path: Path, content: bytes) -> None:
    """Under another name first: a run that is killed leaves no half file."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def stamp(moment: datetime) -> str:
    """A time as a folder's name: ``2026-11-24T034500Z``, without a colon, which Windows refuses."""
    return f"{moment:%Y-%m-%dT%H%M%SZ}"
