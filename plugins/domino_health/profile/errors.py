"""A profile's mistakes, all at once, each with its place and its cure."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands and what to do."""

    line: int
    """Counted from 1; 0 for the file as a whole."""
    path: str
    """``clusters[0].context``; empty for the file as a whole."""
    message: str

    def text(self, source: Path) -> str:
        """One line: ``profiles/prod.yaml:7: clusters[0].contxt: unknown key; did you mean context?``."""
        place = f"{source}:{self.line}" if self.line else str(source)
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ProfileError(Exception):
    """The profile cannot be used. Holds every mistake that was found."""

    def __init__(self, source: Path, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.path)))
        super().__init__("\n".join(problem.text(source) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean context?`` or, when nothing is near, ``; known: context, name``."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known: {', '.join(words)}" if words else ""
