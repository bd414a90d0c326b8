"""What every section's model shares."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pydantic
from pydantic_core import CoreSchema, PydanticCustomError

from domino_health.profile.files import located, read, require_file
from domino_health.profile.references import Referenced, directory_of
from domino_health.units import Duration

_LARGEST_BUNDLE = 1 << 22
_CERTIFICATE = re.compile(
    rb"(?:^|\A\xef\xbb\xbf)-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s*$", re.MULTILINE
)


class Section(pydantic.BaseModel):
    """Strict, frozen, and refusing keys that it does not know."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)
    sample: ClassVar[str] = ""
    """A key and its value, shown to those who wrote something else there."""

    def __repr__(self) -> str:
        """Without values: each of them may have come from a reference."""
        return f"{type(self).__name__}()"

    __str__ = __repr__


def _name(value: Any) -> Any:
    if isinstance(value, Referenced):
        message = "a name stands in every report and cannot come from a reference"
        raise ValueError(message)  # noqa: TRY004 (pydantic's own protocol)
    if isinstance(value, str) and not _is_name(value):
        raise ValueError("must be a line of 1 to 253 characters, not blank and without a slash")
    return value


def _is_name(text: str) -> bool:
    return len(text) < 254 and text.isprintable() and bool(text.strip()) and "/" not in text


NO_REFERENCE = {"not": {"pattern": r"(^|[^$])\$\{"}}
"""Of a JSON schema: no ``${NAME}`` in a text that must stand in the profile itself."""

_A_NAME = {"type": "string", "pattern": r"^[^/]*[^/\s][^/]*$", "maxLength": 253, **NO_REFERENCE}
Name = Annotated[str, pydantic.BeforeValidator(_name), pydantic.WithJsonSchema(_A_NAME)]
"""A name that stands in reports, before a slash and what is inside of it (``prod/domino-compute``)."""


def _secret(value: Any, info: pydantic.ValidationInfo) -> Any:
    if info.context and not isinstance(value, Referenced):
        raise ValueError("a secret must not stand in a profile; write ${NAME} or ${file:PATH}")
    # Pydantic takes bytes that are no text, as the environment may hold them, in a plain str alone.
    return str(value) if isinstance(value, Referenced) else value


_A_SECRET = {"type": "string", "pattern": r"\$\{[^}]+\}"}
Secret = Annotated[pydantic.SecretStr, pydantic.BeforeValidator(_secret), pydantic.WithJsonSchema(_A_SECRET)]
"""From a reference: a profile is kept in version control and copied into reports."""


def _many(value: Any, validate: pydantic.ValidatorFunctionWrapHandler) -> Any:
    if value in ((), []):
        raise ValueError("is empty; name at least one, or remove it")
    # YAML's list as the tuple that a frozen model holds. Strict mode would refuse it.
    items = validate(tuple(value) if isinstance(value, list) else value)
    first: dict[str, int] = {}
    again = {}
    for index, item in enumerate(items):
        label = str(getattr(item, "label", item))
        if first.setdefault(label, index) != index:
            again[index] = (label, first[label])
    if again:
        raise PydanticCustomError("twice", "two have the same name", {"again": again})
    return items


class _Many(pydantic.WrapValidator):
    """Says in a JSON schema too that the list is not empty."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "minItems": 1}


Many = _Many(_many)
"""A list that is not empty, for an empty section looks as if something were watched, and whose items differ
by their ``label``: ``endpoints: Annotated[tuple[Endpoint, ...], Many]``."""


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("must be more than 0s")
    return value


Deadline = Annotated[Duration, pydantic.AfterValidator(_positive)]
"""How long looking may take."""


def _existing_file(value: Any, info: pydantic.ValidationInfo) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be the path of a file")  # noqa: TRY004 (pydantic's own protocol)
    directory = directory_of(value, info.context["directory"] if info.context else Path())
    path = located(value, directory)
    try:
        require_file(path)
    except ValueError as error:
        # As it was written: a secret that a path's spelling has changed would not be recognised any more.
        where = "" if value.startswith(("/", "~")) else f" in {directory}"
        raise ValueError(f"cannot be read: {value}{where}: {error}") from None
    return path


ExistingFile = Annotated[
    Path, pydantic.BeforeValidator(_existing_file), pydantic.PlainSerializer(str, when_used="json")
]
"""A file that is there; a relative path is relative to the profile, ``~`` is understood."""


def _existing_directory(value: Any, info: pydantic.ValidationInfo) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be the path of a directory")  # noqa: TRY004 (pydantic's own protocol)
    path = located(value, directory_of(value, info.context["directory"] if info.context else Path()))
    if not path.is_dir():
        raise ValueError(f"there is no directory {value}")
    return path


ExistingDirectory = Annotated[
    Path, pydantic.BeforeValidator(_existing_directory), pydantic.PlainSerializer(str, when_used="json")
]
"""A directory that is there; a relative path is relative to the profile, ``~`` is understood."""


def _any_path(value: Any, info: pydantic.ValidationInfo) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a path")
    return located(value, directory_of(value, info.context["directory"] if info.context else Path()))


AnyPath = Annotated[
    Path, pydantic.BeforeValidator(_any_path), pydantic.PlainSerializer(str, when_used="json")
]
"""A file or directory that somebody else writes: whether it is there is told when it is looked at. A relative
path is relative to the profile, ``~`` is understood."""


def _with_certificate(path: Path) -> Path:
    try:
        content = read(path, _LARGEST_BUNDLE)
    except ValueError as error:
        raise ValueError(f"cannot be read: {error}") from None
    if len(content) > _LARGEST_BUNDLE:
        raise ValueError("larger than 4 MiB; these are not CA certificates")
    if not _CERTIFICATE.search(content):
        raise ValueError("holds no PEM certificate; it must have a line -----BEGIN CERTIFICATE-----")
    return path


CaFile = Annotated[ExistingFile, pydantic.AfterValidator(_with_certificate)]
"""A file of CA certificates, PEM. Whether they are sound is told of by whoever uses them."""
