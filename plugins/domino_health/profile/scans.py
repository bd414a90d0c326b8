"""Section ``scans``: vulnerability reports that others have made."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

import pydantic

from domino_health.profile.base import AnyPath, Deadline, Many, Section


def _something(schema: dict[str, Any]) -> None:
    """Say in a JSON schema what ``_says_where`` holds."""
    operator = {"properties": {"operator": {"const": True}}, "required": ["operator"]}
    schema["anyOf"] = [{"required": ["reports"]}, operator]


class Scans(Section):
    """Where the vulnerability reports of images are. They are read; nothing is scanned."""

    model_config = pydantic.ConfigDict(json_schema_extra=_something)
    sample: ClassVar = "reports: [trivy-reports]"

    reports: Annotated[tuple[AnyPath, ...], Many] | None = None
    """Files and directories with JSON reports of Trivy or Grype, an image each."""
    operator: bool | None = None
    """Whether Trivy operator's reports are read; by default where it is installed. True: it must be."""
    deadline: Deadline = timedelta(seconds=60)
    """For each file or directory."""

    @pydantic.model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.reports is None and not self.operator:
            raise ValueError("says not where reports are; write reports: [DIRECTORY], or operator: true")
        return self
