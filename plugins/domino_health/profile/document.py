"""YAML with the line of every value, and ``${…}`` references resolved."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from domino_health.profile.errors import Problem

Loc = tuple[str | int, ...]

_LARGEST = 1 << 20
_MOST_VALUES = 50_000
_DEEPEST = 50
_LARGEST_SECRET = 1 << 16
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def spell(loc: Loc) -> str:
    """``("clusters", 0, "name")`` as ``clusters[0].name``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


@dataclass
class Document:
    """A parsed profile: plain values, the line of each, and what went wrong so far."""

    data: Any = None
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    """Every value that came from a reference to the environment or a file."""
    referenced: set[Loc] = field(default_factory=set)
    """Where a reference stood."""

    def line(self, loc: Loc) -> int:
        """The line of a value, or of the nearest thing around it that has one."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 0)

    def complain(self, loc: Loc, message: str) -> None:
        """Note a mistake at a place."""
        self.problems.append(Problem(self.line(loc), spell(loc), message))


def parse(text: str) -> Document:
    """Parse YAML safely; mistakes of form are in the document's problems, with their lines."""
    document = Document()
    if len(text) > _LARGEST:
        document.problems.append(Problem(0, "", "larger than 1 MiB; this is not a profile"))
        return document
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        loader = yaml.SafeLoader("")
        document.data = _Reader(document, loader).read(root, ()) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        document.problems.append(Problem(mark.line + 1 if mark else 0, "", f"not YAML: {what}"))
    except (yaml.YAMLError, RecursionError) as error:
        document.problems.append(
            Problem(0, "", f"not YAML: {' '.join(str(error).split()) or 'nested too deeply'}")
        )
    return document


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
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*loc, index)) for index, item in enumerate(node.value)]
        try:
            return self.loader.construct_object(node)
        except ValueError as error:
            self.document.complain(loc, f"{error}; quote it if it is a text")
            return None

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.document.problems.append(Problem(line, spell(loc), "a key must be a plain word"))
                continue
            if key_node.tag == "tag:yaml.org,2002:merge":
                self.document.problems.append(Problem(line, spell(loc), "merge keys (<<) are not supported"))
                continue
            if key in mapping:
                first = self.document.lines[*loc, key]
                self.document.problems.append(
                    Problem(line, spell((*loc, key)), f"given twice, first on line {first}; keep one")
                )
                continue
            self.document.lines[*loc, key] = line
            mapping[key] = self.read(value_node, (*loc, key))
        return mapping


def resolve(document: Document, directory: Path, variables: Mapping[str, str]) -> None:
    """Put values in the place of ``${NAME}`` and ``${file:PATH}``; ``$${`` stands for a plain ``${``.

    ``variables`` come before the environment and are no secrets; all other values are remembered as
    such. A relative path is relative to ``directory``, the profile's.
    """

    def lookup(reference: str, loc: Loc) -> str:
        document.referenced.add(loc)
        if reference in variables:
            return variables[reference]
        if reference.startswith("file:"):
            value = _secret_file(directory / Path(reference.removeprefix("file:")).expanduser())
        elif not _NAME.fullmatch(reference):
            raise ValueError("is not a reference; write ${NAME} or ${file:PATH}, or $${ for a plain ${")
        elif reference not in os.environ:
            raise ValueError("is not set in the environment; export it, or use ${file:PATH}")
        else:
            value = os.environ[reference]
        if not value:
            raise ValueError("is empty")
        document.secrets.add(value)
        return value

    document.data = _walk(document.data, (), document, lookup)


def _walk(value: Any, loc: Loc, document: Document, lookup: Callable[[str, Loc], str]) -> Any:
    if isinstance(value, dict):
        return {key: _walk(item, (*loc, key), document, lookup) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, (*loc, index), document, lookup) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return "${"
        try:
            return lookup(match.group(1), loc)
        except ValueError as error:
            document.complain(loc, f"{match.group(0)} {error}")
            return match.group(0)

    return _REFERENCE.sub(replace, value)


def _secret_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_SECRET + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {path}: {error.strerror}") from None
    if len(content) > _LARGEST_SECRET:
        raise ValueError(f"is larger than 64 KiB: {path}")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"is not text: {path}") from None
