"""Section ``logs``: what the logs of Domino's services are searched for, beside what is shipped."""

import re
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import pydantic
import yaml

from domino_health.facts.logs import SERVICES
from domino_health.profile.base import Deadline, Many, Section
from domino_health.profile.errors import did_you_mean
from domino_health.profile.judging import Line

WILD = "*"
"""In a pattern: any text within the line. All else is meant as it stands."""
FEWEST = 6
"""Letters of a pattern's longest piece: what is shorter stands in lines of all kinds."""
LONGEST = 200
"""Letters of a pattern."""
_REGEX = re.compile(r"\.[*+]|\\[dDwWsSbB.()\[\]]|\[(?:\^|a-z|A-Z|0-9)|\(\?|^\^|\$$|\([^()|]*\|[^()]*\)")
"""What is written so in a regular expression, and hardly ever stands in a line of a log as it is."""
_ID = "[a-z0-9]+(-[a-z0-9]+)*"
_LONGEST_WINDOW = timedelta(days=1)


def _pattern(value: str) -> str:
    if not value.isprintable() or len(value) > LONGEST:
        raise ValueError(f"must be text of a line, of at most {LONGEST} characters")
    if value != value.strip(f"{WILD} "):
        raise ValueError(f"begins or ends with a space or {WILD}, which goes without saying; remove it")
    if (sign := _REGEX.search(value)) is not None:
        raise ValueError(
            f"looks like a regular expression ({sign[0]}), and would never be found: {WILD} is any text, all "
            "else stands for itself; write a pattern for each form of the line"
        )
    if max(map(len, value.split(WILD))) < FEWEST:
        raise ValueError(
            f"is too common: write at least {FEWEST} letters in a row that stand in the line as they are "
            f"({WILD} is any text; nothing else is special)"
        )
    return value


Pattern = Annotated[
    str,
    pydantic.AfterValidator(_pattern),
    pydantic.WithJsonSchema({"type": "string", "minLength": FEWEST, "maxLength": LONGEST}),
]
"""Words of a line, ``*`` for what varies between them, capitals as they stand. No regular expression: it is
found in linear time."""


def place(line: str, pieces: Sequence[str]) -> int:
    """Where in a line a pattern's pieces stand in their order, from the beginning of a word; -1 if nowhere.

    Args:
        line: of a log.
        pieces: of a pattern, between its ``*``.
    """
    first, *others = pieces
    begins = line.find(first)
    while begins > 0 and first[0].isalnum() and line[begins - 1].isalnum():
        begins = line.find(first, begins + 1)
    at = begins
    for before, piece in zip(pieces, others, strict=False):
        if at >= 0:
            at = line.find(piece, at + len(before))
    return begins if at >= 0 else -1


def _id(value: str) -> str:
    if not re.fullmatch(_ID, value) or len(value) > 63:
        raise ValueError("must be of lowercase letters, digits and single dashes, such as disk-full")
    return value


SignatureId = Annotated[
    str, pydantic.AfterValidator(_id), pydantic.WithJsonSchema({"type": "string", "pattern": f"^{_ID}$"})
]


def _service(value: str) -> str:
    if value not in SERVICES:
        raise ValueError(f"no such service{did_you_mean(value, SERVICES)}")
    return value


ServiceName = Annotated[
    str, pydantic.AfterValidator(_service), pydantic.WithJsonSchema({"enum": list(SERVICES)})
]
"""What a service does in Domino, as in ``domino.services``; or ``model``, ``monitoring``."""


class Signature(Section):
    """A fault that is known by its words in a log."""

    sample: ClassVar = "id: disk-full"

    id: SignatureId
    """What reports call it."""
    patterns: Annotated[tuple[Pattern, ...], Many]
    """Words of such a line, any of these; ``*`` stands for any text, all else for itself, capitals too."""
    cause: Line
    """What it tells of, for a report."""
    remedy: Line | None = None
    """What to do."""
    severity: Literal["low", "medium"] = "medium"
    """Of the finding."""
    services: Annotated[tuple[ServiceName, ...], Many] | None = None
    """Whose logs are searched for it; by default all."""
    allowed: Annotated[int, pydantic.Field(ge=0)] | None = None
    """Lines in the window that are nothing to worry about; by default as DOM-004 says."""
    usual_at_start: bool = False
    """Do not count it in a container that is younger than the window."""
    source: Line | None = None
    """Where these words come from."""
    example: Line | None = None
    """Such a line, as it stands in the log: one that no pattern finds is refused."""

    @property
    def label(self) -> str:
        """What reports call it."""
        return self.id

    @pydantic.model_validator(mode="after")
    def _finds_its_example(self) -> Self:
        if self.example is None or any(place(self.example, each.split(WILD)) >= 0 for each in self.patterns):
            return self
        folded = self.example.casefold()
        near = any(place(folded, each.casefold().split(WILD)) >= 0 for each in self.patterns)
        why = "; capitals count" if near else ""
        raise ValueError(f"{self.id}: no pattern finds its example: {self.example!r}{why}")


@cache
def shipped() -> tuple[Signature, ...]:
    """The signatures of the suite, which come with it as a file."""
    read = yaml.safe_load((Path(__file__).parent / "signatures.yaml").read_text(encoding="utf-8"))
    return tuple(Signature.model_validate(each) for each in read)


def _own(value: Signature) -> Signature:
    if value.id in _shipped_ids():
        raise ValueError(f"{value.id} is the suite's; choose another id, and name it in ignore to replace it")
    return value


def _known(value: str) -> str:
    if value not in _shipped_ids():
        raise ValueError(f"the suite has no such signature{did_you_mean(value, _shipped_ids())}")
    return value


def _shipped_ids() -> list[str]:
    return [each.id for each in shipped()]


def _window(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= _LONGEST_WINDOW:
        raise ValueError("must be 1s to 1d")
    return value


class Logs(Section):
    """What logs are searched for, in the namespaces that ``clusters[].logs`` opens."""

    sample: ClassVar = "window: 15m"

    window: Annotated[Deadline, pydantic.AfterValidator(_window)] = timedelta(minutes=15)
    """How far back they are read."""
    signatures: Annotated[tuple[Annotated[Signature, pydantic.AfterValidator(_own)], ...], Many] | None = None
    """Faults of your own, beside those that are shipped."""
    ignore: Annotated[tuple[Annotated[str, pydantic.AfterValidator(_known)], ...], Many] | None = None
    """Ids of shipped signatures that are not searched for."""

    def searched(self) -> tuple[Signature, ...]:
        """All that is searched for."""
        kept = (each for each in shipped() if each.id not in (self.ignore or ()))
        return (*kept, *(self.signatures or ()))
