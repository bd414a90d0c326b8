"""What is kept of the images that Domino builds: the ImageBuilds of its builder, Hephaestus.

Fields and phases are those of hephaestus.dominodatalab.com/v1 (dominodatalab/hephaestus,
pkg/api/hephaestus/v1). Dockerfiles, build arguments, credentials and the names of Secrets are left out.
"""

import re
from datetime import datetime, timedelta

import msgspec

from domino_health.facts.api import Condition, Kubernetes, ListMeta, Moment, condition_of
from domino_health.facts.images import image_subject
from domino_health.vocabulary import Ref

INITIALIZING, RUNNING, SUCCEEDED, FAILED = "Initializing", "Running", "Succeeded", "Failed"
LONGEST = 2000
"""Characters that are kept of why a build failed."""
# BuildKit quotes the instruction that failed, in its present form and in that before 0.10. It is the user's,
# and may hold a token.
_INSTRUCTION = re.compile(r'process "(?:\\.|[^"\\])*"?|executor failed running \[.*\]', re.DOTALL)
_ARGUMENTS = re.compile(r"(cannot parse build args:).*", re.DOTALL)
# A signed address has its token in the query, and another may have a password in front.
_TOKENS = re.compile(r"(?<=//)[^/\s@\"']+@|\?[^\s\"']+")
_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}
_GO_PART = re.compile(r"([0-9.]+)(h|ms|m|s|µs|us|ns)")


def go_duration(text: str) -> timedelta | None:
    """A duration as Go writes it, ``1m2.345s``; None for what is none."""
    parts = _GO_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        return timedelta(seconds=sum(float(number) * _GO_UNITS[unit] for number, unit in parts))
    except (ValueError, OverflowError):
        return None


class BuildMeta(Kubernetes, frozen=True):
    """``metadata`` of a build."""

    name: str
    namespace: str
    creation_timestamp: Moment
    deletion_timestamp: Moment | None = None
    """Who deletes a build that runs cancels it."""


class BuildSpec(Kubernetes, frozen=True):
    """``spec`` of a build: only what it is to give."""

    images: tuple[str, ...] = ()


class Transition(Kubernetes, frozen=True):
    """A phase that a build came to."""

    phase: str
    occurred_at: Moment | None = None


class BuildCondition(Condition, frozen=True):
    """What Hephaestus says of a build, without the user's instruction and without tokens."""

    def __post_init__(self) -> None:
        said = _INSTRUCTION.sub("an instruction", _ARGUMENTS.sub(r"\1 …", self.message))
        msgspec.structs.force_setattr(self, "message", _TOKENS.sub("", said)[:LONGEST])


class BuildStatus(Kubernetes, frozen=True):
    """``status`` of a build. Hephaestus writes durations and sizes as texts."""

    phase: str = ""
    """Empty as long as Hephaestus has not taken it up."""
    allocation_time: str = ""
    build_time: str = ""
    """Of a build that has succeeded."""
    builder_addr: str = ""
    compressed_image_size_bytes: str = ""
    conditions: tuple[BuildCondition, ...] = ()
    transitions: tuple[Transition, ...] = ()


class ImageBuild(Kubernetes, frozen=True):
    """An image that is built, or was."""

    metadata: BuildMeta
    spec: BuildSpec = BuildSpec()
    status: BuildStatus = BuildStatus()
    cluster: str = ""

    @property
    def ref(self) -> Ref:
        """The build itself."""
        return Ref(self.cluster, "imagebuild", self.metadata.namespace, self.metadata.name)

    @property
    def subject(self) -> Ref:
        """The environment or the model that it builds, by its image's name; else the repository."""
        subjects = [image_subject(self.cluster, image) for image in self.spec.images]
        return next((each for each in subjects if each.kind != "repository"), None) or (
            subjects[0] if subjects else image_subject(self.cluster, "")
        )

    @property
    def since(self) -> datetime:
        """When it came to its present phase; where nobody says so, when it was made."""
        return self._reached(self.status.phase) or self.metadata.creation_timestamp

    @property
    def waited(self) -> timedelta | None:
        """How long it took to be given a builder; None where it has none yet."""
        return go_duration(self.status.allocation_time)

    @property
    def size(self) -> int | None:
        """Bytes of its image's layers, compressed; None where they are not known."""
        text = self.status.compressed_image_size_bytes
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None

    @property
    def why_failed(self) -> str:
        """Hephaestus' words on a line. Of a build that runs its condition says the words of a success."""
        ready = condition_of(self.status.conditions, "ImageReady")
        return " ".join(ready.message.split()) if ready and ready.status == "False" else ""

    def took(self, now: datetime) -> timedelta | None:
        """How long it was built, or has been until ``now``; None for one that was not begun."""
        if known := go_duration(self.status.build_time):
            return known
        began = self._reached(RUNNING)
        if began is None:
            return None
        return max((now if self.status.phase == RUNNING else self.since) - began, timedelta(0))

    def _reached(self, phase: str) -> datetime | None:
        reached = (each.occurred_at for each in reversed(self.status.transitions) if each.phase == phase)
        return next(reached, None)


class ImageBuildList(Kubernetes, frozen=True):
    """A page of builds."""

    metadata: ListMeta
    items: list[ImageBuild]
