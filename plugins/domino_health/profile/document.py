"""YAML with the line of every value, and its mistakes of form."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from domino_health.profile.errors import Problem
from domino_health.profile.yaml_words import plain_words

Loc = tuple[str | int, ...]

_MOST_VALUES = 50_000
_DEEPEST = 50
_LONGEST_KEY = 60
_TAG = "tag:yaml.org,2002:"
# YAML takes a plain << for merge and a plain = for value.
_SCALARS = {"bool", "float", "int", "merge", "null", "str", "timestamp", "value"}


def spell(loc: Loc) -> str:
    """``("clusters", 0, "name")`` as ``clusters[0].name``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in loc)
    return text.removeprefix(".")


def _shown(key: str) -> str:
    # The file may be no profile at all: a line of /etc/shadow is a key, with a secret behind a colon.
    head, colon, _ = key.partition(":")
    shown = f"{head}{colon}"[:_LONGEST_KEY]
    return shown if shown == key else f"{shown}…"


@dataclass
class Document:
    """A parsed profile: plain values, the line of each, and what went wrong so far."""

    data: Any = field(default=None, repr=False)
    source: Path = Path()
    """The file."""
    lines: dict[Loc, int] = field(default_factory=dict)
    sources: dict[Loc, Path] = field(default_factory=dict)
    """Where a value stands that was taken from another file."""
    problems: list[Problem] = field(default_factory=list)
    told: dict[Loc, list[Problem]] = field(default_factory=dict)
    """Where a mistake is known, so that what follows from it is not told as another one."""
    secrets: set[str] = field(default_factory=set, repr=False)
    """Every value that came from a reference to the environment or a file."""
    references: dict[Loc, str] = field(default_factory=dict)
    """Where a reference stood, and the value as it was written."""

    def place(self, loc: Loc) -> tuple[Path, int]:
        """The file and line of a value, or of the nearest thing around it that has one."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.sources.get(loc, self.source), self.lines.get(loc, 0)

    def line(self, loc: Loc) -> int:
        """The line alone."""
        return self.place(loc)[1]

    def complain(self, loc: Loc, message: str) -> None:
        """Note a mistake at a place."""
        source, line = self.place(loc)
        problem = Problem(line, spell(loc), message, source if source != self.source else None)
        self.told.setdefault(loc, []).append(problem)
        self.problems.append(problem)

    def complain_instead(self, loc: Loc, message: str) -> None:
        """Note a mistake that makes others at its place meaningless: the key is unknown."""
        for problem in self.told.pop(loc, []):
            self.problems.remove(problem)
        self.complain(loc, message)

    def is_told(self, loc: Loc) -> bool:
        """Whether a mistake is known at a place, or at what it is a part of."""
        return any(loc[: length + 1] in self.told for length in range(len(loc)))


def parse(text: str, source: Path = Path()) -> Document:
    """Parse YAML safely; mistakes of form are in the document's problems, with their lines."""
    document = Document(source=source)
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        document.data = _Reader(document, loader).read(root, ()) if root is not None else None
    # PyYAML lets through what Python says to "\UFFFFFFFF" or to %YAML with a number of 5000 digits.
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        document.problems.append(_mistake_of_form(error, text, loader))
    return document


def _mistake_of_form(error: Exception, text: str, loader: yaml.SafeLoader | None) -> Problem:
    line = loader.get_mark().line + 1 if loader else 0
    what = "a value that cannot be read"
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else line
        what = plain_words(error, text)
    elif isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        what = f"the control character U+{ord(text[error.position]):04X} must not stand here"
    elif isinstance(error, RecursionError):
        what = "nested too deeply"
    return Problem(line, "", f"not YAML: {what}")


class _Reader:
    """Makes plain values of YAML's nodes, as the safe loader would, but keeps lines and refuses doubles."""

    def __init__(self, document: Document, loader: yaml.SafeLoader) -> None:
        self.document = document
        self.loader = loader
        self.values = 0

    def read(self, node: yaml.Node, loc: Loc) -> Any:
        self.values += 1
        # An alias repeats what it names, so a few lines can stand for billions of values, or for themselves.
        if self.values > _MOST_VALUES or len(loc) > _DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, "too many or too deeply nested values", node.start_mark
            )
        self.document.lines.setdefault(loc, node.start_mark.line + 1)
        if tag := _foreign_tag(node):
            self.document.complain(loc, f"tags are not supported; remove {tag}")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*loc, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, loc)

    def _scalar(self, node: yaml.Node, loc: Loc) -> Any:
        try:
            value = self.loader.construct_object(node)
        # All that PyYAML raises on 2026-13-45, 0x_, !!int '', !!bool maybe and =.
        except (ValueError, LookupError, AttributeError, OverflowError, ConstructorError):
            kind = node.tag.rpartition(":")[2]
            self.document.complain(loc, f"YAML takes it for {kind}, and it is none; quote it")
            return None
        if problem := _unfit(value, loc):
            self.document.complain(loc, problem)
        return value

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or not key or not key.isprintable():
                problem = Problem(line, spell(loc), "a key must be a plain word")
            elif key_node.tag == "tag:yaml.org,2002:merge":
                problem = Problem(
                    line, spell(loc), "merge keys (<<) are not supported; write out what they stand for"
                )
            elif key in mapping:
                first = self.document.lines[*loc, key]
                problem = Problem(line, spell((*loc, key)), f"given twice, first on line {first}; keep one")
            else:
                self.document.lines[*loc, key] = line
                mapping[key] = self.read(value_node, (*loc, key))
                continue
            self.document.problems.append(problem)
        return mapping


def _foreign_tag(node: yaml.Node) -> str:
    """The tag of a node that makes something else of it, as it was written; or nothing."""
    tag: str = node.tag
    kind = tag.removeprefix(_TAG)
    if isinstance(node, yaml.MappingNode):
        fits = kind == "map"
    elif isinstance(node, yaml.SequenceNode):
        fits = kind == "seq"
    else:
        fits = kind in _SCALARS
    if fits:
        return ""
    if kind != tag:
        return f"!!{kind}"
    return tag if tag.startswith("!") else f"!<{tag}>"


def _unfit(value: Any, loc: Loc) -> str:
    """What no value of a profile may be, or nothing."""
    # A key with nothing behind it looks as if something were set. But a single threshold may be none.
    if value is None and loc and (loc[0] != "thresholds" or len(loc) < 3):
        return "is empty; give it a value, or remove it"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        return "must be text; it holds half a character"  # no file and no terminal takes it
    return ""
