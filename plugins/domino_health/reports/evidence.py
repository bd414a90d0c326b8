"""findings.json, verdict.json, the facts, the profile, the site's notes: what proves the verdict later."""

import gzip
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import msgspec

from domino_health.facts.observed import FACTS_FORMAT, Observed
from domino_health.reports.record import Record
from domino_health.rules import Entry
from domino_health.vocabulary import Unseen, clean

FORMAT = 2
"""Version of findings.json and verdict.json. The one before is still read."""

SUMS = "SHA256SUMS"
"""Digests of all that a run has written, as ``sha256sum --check`` reads them; written last."""


def write(record: Record, folder: Path) -> None:
    """Write what the verdict rests on, each file whole or not at all; one that cannot be costs no other one.

    Raises:
        Exception: the first that kept a file from being written.
    """
    contents: dict[str, Callable[[], bytes]] = {
        "profile.yaml": record.resolved.encode,
        "findings.json": lambda: _pretty(findings(record)),
        **{f"facts/{name}.json.gz": partial(_packed, fact, record) for name, fact in record.observed.items()},
        **{f"knowledge/{id}.md": partial(str.encode, text) for id, text in record.notes.items()},
    }
    problems = []
    for name, content in contents.items():
        try:
            _write(folder / name, content())
        except Exception as error:  # noqa: BLE001 (raised below, when all others are written)
            problems.append(error)
    if problems:
        raise problems[0]


def write_verdict(record: Record, folder: Path) -> None:
    """Write verdict.json, whole or not at all. An earlier one is gone before: it speaks no more.

    Raises:
        OSError: it could not be written.
    """
    (folder / "verdict.json").unlink(missing_ok=True)
    _write(folder / "verdict.json", _pretty(verdict(record)))


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over every file of the run, whole or not at all.

    Raises:
        OSError: a file could not be read, or it could not be written.
    """
    (folder / SUMS).unlink(missing_ok=True)
    lines = []
    for path in sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    ):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    _write(folder / SUMS, "".join(lines).encode())


def findings(record: Record) -> dict[str, Any]:
    """Every check's result, findings and all; the same facts by the same profile give the same bytes."""
    results = [msgspec.to_builtins(result) for result in record.results]
    for result in results:
        del result["seconds"]  # they are in junit.xml
        result["runbook"] = PurePath(result["runbook"]).name
    return {"format": FORMAT, "profile": record.profile, "results": results}


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
        "waivers": [_entry(entry) for entry in record.ledger],
        **({"replay": record.replay} if record.replay else {}),
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


def _entry(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(entry)
    return {**plain.pop("waiver"), **plain, "expiring": entry.expiring}


def _unseen(record: Record) -> Iterator[Unseen]:
    scrub = record.redactor.scrub
    for observed in record.observed.values():
        for unseen in observed.unseen:
            target, reason, cure = map(scrub, (unseen.target, unseen.reason, unseen.cure))
            yield replace(unseen, target=target, reason=reason, cure=cure)


def _packed(observed: Observed, record: Record) -> bytes:
    return gzip.compress(_fact(observed, record.redactor.scrub), compresslevel=6, mtime=0)


def _fact(observed: Observed, scrub: Callable[[str], str]) -> bytes:
    """JSON whatever the secrets are, ``443`` for one, and whatever came from outside, lone surrogates too."""
    fact = {
        "format": FACTS_FORMAT,
        "fact": observed.fact,
        "absent": clean(scrub(observed.absent)),
        "targets": observed.targets,
    }
    try:
        content = msgspec.json.encode(fact)
    except UnicodeEncodeError:
        pass
    else:
        if scrub(content.decode()) == content.decode():
            return content
    fact["targets"] = [
        {**_fit(msgspec.to_builtins(seen), scrub), "outcome": seen.outcome, "at": seen.at}
        for seen in observed.targets
    ]
    return msgspec.json.encode(fact)


def _pretty(data: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(data, order="deterministic"), indent=2) + b"\n"


def _fit(value: Any, scrub: Callable[[str], str]) -> Any:
    """The same with its texts, and no numbers, fit to be written. Slow: a few seconds for many pods."""
    if isinstance(value, str):
        return clean(scrub(value))
    if isinstance(value, Mapping):
        return {_fit(key, scrub): _fit(item, scrub) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fit(item, scrub) for item in value]
    return value


def _write(path: Path, content: bytes) -> None:
    """Under another name first: a run that is killed leaves no half file. The folder around it is made."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def stamp(moment: datetime) -> str:
    """A time as a folder's name: ``2026-11-24T034500Z``, without a colon, which Windows refuses."""
    return f"{moment:%Y-%m-%dT%H%M%SZ}"
