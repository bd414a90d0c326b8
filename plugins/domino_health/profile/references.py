"""``${…}``: values that a profile does not hold itself, secrets among them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from domino_health.profile import files
from domino_health.profile.document import Document, Loc

_LARGEST_SECRET = 1 << 16
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Inherited(str):
    """A text that stands in another file, from which the profile takes it."""

    def __new__(cls, text: str, directory: Path | None) -> Self:
        """``directory``: that file's. A path in the text is relative to it; None for the profile's own."""
        made = super().__new__(cls, text)
        made.directory = directory
        return made

    directory: Path | None


class Referenced(Inherited):
    """A text that came from a reference, all or in part."""


def directory_of(value: str, default: Path) -> Path:
    """Of the file that a text stands in."""
    return (value.directory if isinstance(value, Inherited) else None) or default


def unescaped(value: Any) -> Any:
    """A value as it is meant, where nothing is resolved: ``$${`` is a plain ``${``."""
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    return value.replace("$${", "${") if isinstance(value, str) else value


def escaped(text: str) -> str:
    """``text`` as a profile writes it: a plain ``${`` is ``$${`` there."""
    return text.replace("${", "$${")


def resolve(document: Document, directory: Path, variables: Mapping[str, str]) -> None:
    """Put values in the place of ``${NAME}`` and ``${file:PATH}``; ``$${`` stands for a plain ``${``.

    Args:
        document: gets the values, all secrets, and the references as they were written. One that leads
            nowhere is among its problems.
        directory: the profile's; a relative path is relative to it.
        variables: come before the environment, and are no secrets.
    """
    document.data = _Resolver(document, directory, variables).walk(document.data, ())


class _Resolver:
    def __init__(self, document: Document, directory: Path, variables: Mapping[str, str]) -> None:
        self.document = document
        self.directory = directory
        self.variables = variables

    def walk(self, value: Any, loc: Loc) -> Any:
        if isinstance(value, dict):
            return {key: self.walk(item, (*loc, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.walk(item, (*loc, index)) for index, item in enumerate(value)]
        return self._text(value, loc) if isinstance(value, str) else value

    def _text(self, written: str, loc: Loc) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[1] is None:
                return "${"
            self.document.references[loc] = str(written)
            try:
                return self._lookup(match[1] if match[2] else "", directory_of(written, self.directory))
            except ValueError as error:
                self.document.complain(loc, f"{match[0]} {error}")
                return match[0]

        text = _REFERENCE.sub(replace, written)
        directory = written.directory if isinstance(written, Inherited) else None
        if loc in self.document.references:
            return Referenced(text, directory)
        return Inherited(text, directory) if directory else text

    def _lookup(self, reference: str, directory: Path) -> str:
        if reference in self.variables:
            return self.variables[reference]
        if reference.startswith("file:"):
            value = self._file(reference.removeprefix("file:"), directory)
        elif not _NAME.fullmatch(reference):
            raise ValueError("is not a reference; write ${NAME} or ${file:PATH}, or $${ for a plain ${")
        elif reference not in os.environ:
            raise ValueError("is not set in the environment; export it, or use ${file:PATH}")
        else:
            value = os.environ[reference]
        if not value:
            raise ValueError("is empty")
        self.document.secrets.add(value)
        return value

    def _file(self, name: str, directory: Path) -> str:
        path = files.located(name, directory)
        try:
            content = files.read(path, _LARGEST_SECRET)
        except ValueError as error:
            raise ValueError(f"cannot be read: {path}: {error}") from None
        if len(content) > _LARGEST_SECRET:
            raise ValueError(f"is larger than 64 KiB: {path}")
        try:
            return content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(f"is not text: {path}") from None
