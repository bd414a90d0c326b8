"""A profile's mistakes, all at once, each with its place and its cure."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic_core import ErrorDetails

from domino_health.vocabulary import clean, shorten

_LONGEST = 2000
"""Characters of a message: it may quote a value, and a value may be a page."""
_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be keys and values",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "list_type": "must be a list: write it as `- item`",
    "model_type": "must be keys and values",
    "string_type": "must be text",
    "string_unicode": "must be text; it holds bytes that are none",
    "tuple_type": "must be a list: write it as `- item`",
}
"""Pydantic's types of errors in words for those who know YAML and not Python."""


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands and what to do."""

    line: int
    """Counted from 1; 0 for the file as a whole."""
    path: str
    """``clusters[0].context``; empty for the file as a whole."""
    message: str
    source: Path | None = None
    """The file, where it is another one than the profile: what it extends."""

    def text(self, source: Path) -> str:
        """One line: ``profiles/prod.yaml:7: clusters[0].contxt: unknown key; did you mean context?``."""
        source = self.source or source
        place = f"{source}:{self.line}" if self.line else str(source)
        parts = (place, self.path, shorten(self.message, _LONGEST))
        return clean(" ".join(": ".join(part for part in parts if part).splitlines()))


class ProfileError(Exception):
    """The profile cannot be used. Holds every mistake that was found."""

    def __init__(self, source: Path, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(
            sorted(problems, key=lambda problem: (str(problem.source or ""), problem.line, problem.path))
        )
        super().__init__("\n".join(problem.text(source) for problem in self.problems))


def reworded(mistake: ErrorDetails) -> str:
    """What pydantic found wrong with a value, in plain words: ``must be a whole number``."""
    if mistake["type"] == "string_type" and isinstance(mistake["input"], int | float | date):
        # YAML 1.1 reads `on` as true, `12:30` as 750 and `2026-11-24` as a date.
        return f"must be text, but YAML reads it as {str(mistake['input']).lower()}; quote it"
    if mistake["type"] == "literal_error":
        return f"must be {mistake['ctx']['expected']}"
    message = mistake["msg"].removeprefix("Value error, ")
    return _WORDS.get(mistake["type"]) or re.sub(r"^\w+ should ", "must ", message)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was perhaps meant, or nothing."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean context?`` or, when nothing is near, ``; known: context, name``."""
    words = sorted(known)
    if near := nearest(word, words):
        return f"; did you mean {near}?"
    return f"; known: {', '.join(words)}" if words else ""
