"""What every section's model shares."""

from pathlib import Path
from typing import Annotated, Any

import pydantic

Name = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=253, pattern=r"^[^\s/][^\n]*$")]
"""A name that stands in reports. It must not come from a reference: references are never shown."""


class Section(pydantic.BaseModel):
    """Strict, frozen, and refusing keys that it does not know."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


def sequence(value: Any) -> Any:
    """YAML's list as the tuple that a frozen model holds. Strict mode would refuse it."""
    return tuple(value) if isinstance(value, list) else value


def nonempty(value: Any) -> Any:
    """Refuse an empty list: an empty section looks as if something were watched."""
    if value in ((), []):
        raise ValueError("is empty; name at least one, or remove the section")
    return sequence(value)


Many = pydantic.BeforeValidator(nonempty)
"""A list that must not be empty: ``endpoints: Annotated[tuple[Endpoint, ...], Many]``."""


def _existing_file(value: Any, info: pydantic.ValidationInfo) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be the path of a file")  # noqa: TRY004 (pydantic's own protocol)
    path = Path(value).expanduser()
    if info.context:
        path = info.context["directory"] / path
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    return path


ExistingFile = Annotated[Path, pydantic.BeforeValidator(_existing_file)]
"""A file that is there; a relative path is relative to the profile, ``~`` is understood."""
