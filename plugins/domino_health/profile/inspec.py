"""InSpec's waiver files, read and written: https://docs.chef.io/inspec/waivers.

InSpec waives a whole control, until the beginning of a day. A waiver of ours is of some findings of a check,
and holds to the end of its last day, which is the day before that one.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from domino_health.profile.document import Document, Loc, parse, spell
from domino_health.profile.errors import Problem, ProfileError, did_you_mean
from domino_health.profile.files import located
from domino_health.profile.finding import text_of
from domino_health.profile.references import directory_of
from domino_health.rules import Waiver
from domino_health.vocabulary import clean

KEY = "inspec_waivers"
NOT_GIVEN = "nobody that the InSpec file names"
"""Who owns and approved a waiver: InSpec's form has no place for it, but warns only of keys of others."""
_THEIRS = ("justification", "expiration_date", "run")
_OURS = ("owner", "approved_by", "ticket")
_DAY = timedelta(days=1)
_RUNS = ("true", "yes", "y")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


def imported(document: Document) -> list[str]:
    """Put the waivers of the files of ``inspec_waivers`` among the profile's own, with their places.

    The key is taken away then, so that what is kept of the profile needs no further file. Mistakes are in the
    document's problems.

    Returns:
        What is to be said of them: keys that are not followed.
    """
    own = document.data.get("waivers", [])
    if not _are_names(document) or not isinstance(own, list):
        return []  # told of by the model, or where references are
    remarks: list[str] = []
    waivers = [*own]
    for index, name in enumerate(document.data[KEY]):
        path = located(name, directory_of(name, document.source.parent))
        try:
            file = _read(path)
        except ProfileError as error:
            file = Document({}, path, problems=list(error.problems))
        for each in file.problems:
            if not each.line:
                document.complain((KEY, index), f"cannot be used: {path}: {each.message}")
        taken, said = _waivers(file)
        for waiver in taken:
            _put(document, ("waivers", len(waivers)), waiver, file)
            waivers.append({**waiver, "source": str(name)})
        remarks += said
        document.problems += [
            Problem(each.line, each.path, each.message, path) for each in file.problems if each.line
        ]
    if waivers:
        document.data["waivers"] = waivers
    if not any(loc[:1] == (KEY,) for loc in document.told):
        del document.data[KEY]
    return remarks


def _are_names(document: Document) -> bool:
    names = document.data.get(KEY)
    return (
        isinstance(names, list)
        and bool(names)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
        and not any(loc[:1] == (KEY,) for loc in document.references)
    )


def _put(document: Document, at: Loc, waiver: Mapping[str, Any], file: Document) -> None:
    """Say where each value of a waiver stands; what the file does not give stands nowhere."""
    document.lines[at], document.sources[at] = file.line((waiver["check"],)), file.source
    for key, value in waiver.items():
        if value != NOT_GIVEN:
            document.lines[*at, key] = file.line((waiver["check"], _theirs(key)))
            document.sources[*at, key] = file.source


def _waivers(file: Document) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries of a file as a profile writes waivers, and what is to be said of them."""
    remarks: list[str] = []
    found = [_waiver(file, id, entry, remarks) for id, entry in file.data.items()]
    if not found and not file.problems:
        remarks.append(clean(f"{file.source}: holds no waiver"))
    return [waiver for waiver in found if waiver], remarks


def _theirs(key: str) -> str:
    return {"reason": "justification", "expires": "expiration_date"}.get(key, key)


def _waiver(file: Document, id: str, entry: Any, remarks: list[str]) -> dict[str, Any] | None:
    """One entry; None where it has mistakes, which are in the file's problems."""
    before = len(file.problems)
    if not isinstance(entry, dict):
        file.complain((id,), "must be keys and values, such as `justification: why`")
        return None
    others = sorted(set(entry) - {*_THEIRS, *_OURS})
    for key in ("justification", "expiration_date"):
        if key not in entry and not file.is_told((id, key)):
            near = next((hint for other in others if (hint := did_you_mean(other, [key])).endswith("?")), "")
            cure = near or ("; write why" if key == "justification" else "; a waiver ends: write its date")
            file.complain((id,), f"{key} is missing{cure}")
    texts = {key: _line(file, (id, key), entry[key]) for key in ("justification", *_OURS) if key in entry}
    expires = _last_day(file, (id, "expiration_date"), entry.get("expiration_date"))
    if len(file.problems) > before or expires is None or any(loc[0] == id for loc in file.told if loc):
        return None
    if "run" in entry and str(entry["run"]).lower() not in _RUNS:
        remarks.append(f"{_place(file, (id, 'run'))}: is ignored: what is waived is evaluated all the same")
    remarks += [f"{_place(file, (id, key))}: is ignored: InSpec has no such key" for key in others]
    return {
        "check": id,
        "subject": "*",
        "reason": texts["justification"],
        "owner": texts.get("owner", NOT_GIVEN),
        "approved_by": texts.get("approved_by", NOT_GIVEN),
        "expires": expires,
        **({"ticket": texts["ticket"]} if "ticket" in texts else {}),
    }


def _place(file: Document, loc: Loc) -> str:
    return clean(f"{file.source}:{file.line(loc)}: {spell(loc)}")


def _line(file: Document, loc: Loc, value: Any) -> str:
    """A text in one line: a justification may be a paragraph."""
    if not isinstance(value, str):
        if not file.is_told(loc):
            file.complain(loc, "must be text; quote it")
        return ""
    text = value if value.isprintable() else " ".join(value.split())
    if not text.strip() or not text.isprintable():
        file.complain(loc, "must be text, not blank, and without control characters")
    return text


def _last_day(file: Document, loc: Loc, value: Any) -> date | None:
    """The last whole day, UTC, on which a waiver holds that has expired when ``value`` begins."""
    if value is None:
        return None
    ends = _moment(value)
    if ends is None:
        file.complain(loc, f"not a date: {value!r}; write it as 2027-01-31")
        return None
    return ends - _DAY if ends > date.min else ends


def _moment(value: Any) -> date | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC).date() if value.tzinfo else value.date()
        except OverflowError:
            return None
    return value if isinstance(value, date) else None


def _read(path: Path) -> Document:
    """A file's entries by control.

    Raises:
        ProfileError: it cannot be read at all.
    """
    kind = path.suffix.lower()
    if kind not in (".yaml", ".yml", ".json", ".csv"):
        raise ProfileError(path, [Problem(0, "", "must be .yaml, .yml, .json or .csv, as for InSpec")])
    text = text_of(path, "waiver file of InSpec")
    if kind == ".csv":
        return _table(text, path)
    document = parse(_as_yaml(text, path) if kind == ".json" else text, path)
    if document.problems and not isinstance(document.data, dict):
        raise ProfileError(path, document.problems)
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise ProfileError(path, [Problem(1, "", "must be controls with keys and values")])
    return document


def _as_yaml(text: str, path: Path) -> str:
    """JSON in the part of it that YAML reads the same, line by line.

    Raises:
        ProfileError: it is not JSON.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ProfileError(path, [Problem(error.lineno, "", f"not JSON: {error.msg}")]) from None
    except RecursionError:
        raise ProfileError(path, [Problem(1, "", "not JSON: nested too deeply")]) from None
    # No text of JSON's holds a tab itself, and YAML does not know letters in two halves.
    return _PAIR.sub(lambda match: str(json.loads(f'"{match[0]}"')), text.replace("\t", " "))


def _table(text: str, path: Path) -> Document:
    """CSV, read as InSpec does: columns without a name and cells without a value say nothing."""
    document = Document(data={}, source=path)
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for column in ("control_id", "justification"):
            if column not in (rows.fieldnames or ()):
                document.problems.append(Problem(1, "", f"the header has no column {column}"))
        for row in rows if not document.problems else ():
            entry = {key: value for key, value in row.items() if key and isinstance(value, str) and value}
            if entry:
                _row(document, entry, rows.line_num)
    except csv.Error as error:
        document.problems.append(Problem(rows.reader.line_num, "", f"not CSV: {error}"))
    return document


def _row(document: Document, entry: dict[str, str], line: int) -> None:
    id = entry.pop("control_id", "")
    if not id.strip() or not id.isprintable():
        document.problems.append(Problem(line, "", "names no control; give its control_id"))
    elif id in document.data:
        first = document.lines[id,]
        document.problems.append(Problem(line, id, f"given twice, first on line {first}; keep one"))
    else:
        document.data[id] = entry
        document.lines[id,] = line


def exported(waivers: Sequence[Waiver]) -> tuple[str, tuple[Waiver, ...]]:
    """A waiver file for InSpec, YAML, and the waivers that cannot be in it: they are comments there.

    InSpec knows no subjects, so that one for some findings of a check would waive all of them there.
    """
    whole = [each for each in waivers if each.subject == "*"]
    narrow = tuple(each for each in waivers if each.subject != "*")
    lines = [
        "# Waivers for InSpec, from a profile of domino-health. expiration_date is the day on which a waiver",
        "# holds no more: the day after the last one in the profile.",
    ]
    if narrow:
        lines += [
            "#",
            "# Not exported: these are for some findings of a check, and InSpec would waive all of them.",
            *(f"#   {_in_a_line(each)}" for each in narrow),
        ]
    entries = {each.check: _entry(each) for each in whole}
    text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True) if entries else ""
    return "\n".join(lines) + "\n" + text, narrow


def _entry(waiver: Waiver) -> dict[str, Any]:
    given = {"owner": waiver.owner, "approved_by": waiver.approved_by, "ticket": waiver.ticket}
    return {
        "justification": waiver.reason,
        "expiration_date": min(waiver.expires, date.max - _DAY) + _DAY,
        "run": True,
        **{key: value for key, value in given.items() if value and value != NOT_GIVEN},
    }


def _in_a_line(waiver: Waiver) -> str:
    ticket = f", {waiver.ticket}" if waiver.ticket else ""
    return clean(
        f"{waiver.check} {waiver.subject}: {waiver.reason} (to the end of {waiver.expires}, {waiver.owner}, "
        f"approved by {waiver.approved_by}{ticket})"
    )
