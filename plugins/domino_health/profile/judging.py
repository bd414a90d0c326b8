"""What a run is judged by: gates, waivers and severities, as a profile writes them.

Its values stand in the profile itself. A run is judged again, years later perhaps, from what was kept of it,
and no environment variable is left then.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

import pydantic

from domino_health.profile.base import NO_REFERENCE, Section
from domino_health.profile.document import Document, Loc
from domino_health.profile.errors import did_you_mean
from domino_health.rules import Gate, Waiver
from domino_health.vocabulary import Severity, area_of

JUDGED_BY = ("thresholds", "severities", "waivers", "inspec_waivers", "gates")
"""The sections that decide what findings weigh."""

SHIPPED = {
    gate.name: gate
    for gate in (
        Gate(),
        Gate("upgrade", requires=("SCHED", "CAP", "STOR", "PROBE", "DOM", "UPG", "UPG-001", "UPG-002")),
        Gate("nightly"),
        Gate("audit", closes_at=Severity.MEDIUM, counts_waivers=False),
    )
}
"""The gates that every profile has. One that it describes itself goes before the one of this name."""

SeverityName = Literal["low", "medium", "high", "critical"]


def _line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a line of text, not blank")
    return value


_A_LINE = {"type": "string", "pattern": r"\S", **NO_REFERENCE}
Line = Annotated[str, pydantic.AfterValidator(_line), pydantic.WithJsonSchema(_A_LINE)]
"""A line for people to read."""


def _requirements(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    if len(set(map(str, value))) < len(value):
        raise ValueError("names one twice")
    return tuple(value)


class GateSection(Section):
    """One gate: what closes it."""

    sample: ClassVar = "closes_at: medium"

    closes_at: SeverityName = "high"
    """The least severity of a finding that closes it."""
    requires: Annotated[tuple[str, ...], pydantic.BeforeValidator(_requirements)] = ()
    """Areas (``SCHED``) and checks (``UPG-001``) without which it does not open."""
    waivers: bool = True
    """Whether waived findings close it no more."""


def _a_date(value: Any) -> Any:
    if isinstance(value, datetime):
        raise ValueError("must be a date alone, such as 2027-01-31: it holds to that day's end, UTC")  # noqa: TRY004
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"not a date: {value!r}; write it as 2027-01-31") from None
    return value


_A_DATE = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


class WaiverSection(Section):
    """One waiver: a finding that someone accepted, for a reason, until a date."""

    sample: ClassVar = "check: SCHED-001"

    check: Line
    """Id of the check."""
    subject: Line
    """Which of its findings: the subject's name as reports show it, with ``*`` and ``?`` for what varies."""
    reason: Line
    """Why it is accepted."""
    owner: Line
    """Who sees to it that it ends."""
    approved_by: Line
    """Who accepted it."""
    expires: Annotated[date, pydantic.BeforeValidator(_a_date), pydantic.WithJsonSchema(_A_DATE)]
    """The last day on which it holds, to its end, UTC."""
    ticket: Line | None = None
    """Where it is followed up."""
    source: Line | None = None
    """The file that it was taken from. Written by the suite, where it keeps a profile with its reports."""

    @property
    def label(self) -> str:
        """What it is about: two for the same thing are a mistake."""
        return f"{self.check} {self.subject}"


def gates(sections: Mapping[str, GateSection]) -> dict[str, Gate]:
    """All gates by name: the shipped ones, and those of the profile in their place."""
    own = {
        name: Gate(name, Severity(section.closes_at), section.requires, section.waivers)
        for name, section in sections.items()
    }
    return {**SHIPPED, **own}


def spelled_gates(sections: Mapping[str, GateSection]) -> dict[str, dict[str, Any]]:
    """All gates as a profile writes them: those that are shipped may change, and a run is judged again."""
    return {
        name: {
            "closes_at": str(gate.closes_at),
            "requires": list(gate.requires),
            "waivers": gate.counts_waivers,
        }
        for name, gate in gates(sections).items()
    }


def waivers(sections: Collection[WaiverSection]) -> tuple[Waiver, ...]:
    """The waivers as they are judged by."""
    return tuple(
        Waiver(**{key: value for key, value in section.model_dump().items() if value is not None})
        for section in sections
    )


def hold(document: Document, known: Collection[str]) -> None:
    """Hold ids of checks and areas against those that there are; mistakes are in the document's problems.

    A waiver may name a check that does not exist: it waives nothing, and the ledger says so.
    """
    for loc in document.references:
        if loc[0] in JUDGED_BY:
            document.complain_instead(
                loc,
                "must not come from a reference: a run is judged again by what is kept of its profile; "
                "write the value itself",
            )
    for id in _keys(document.data.get("severities")):
        if id not in known:
            document.complain_instead(("severities", id), f"no such check{did_you_mean(id, known)}")
    areas = {area_of(id) for id in known}
    for loc, wanted in _required(document.data.get("gates")):
        if wanted not in known and wanted not in areas and not document.is_told(loc):
            hint = did_you_mean(wanted, known if "-" in wanted else areas)
            document.complain(loc, f"no such {'check' if '-' in wanted else 'area'}: {wanted}{hint}")


def _keys(value: object) -> Iterator[str]:
    yield from value if isinstance(value, dict) else ()


def _required(sections: object) -> Iterator[tuple[Loc, str]]:
    """Where each requirement stands; what is none of the right form is told of by the models.

    What a shipped gate of that name requires may not be there yet: then it stays closed, and says why.
    """
    for name, section in sections.items() if isinstance(sections, dict) else ():
        given = section.get("requires") if isinstance(section, dict) else None
        shipped = SHIPPED[name].requires if name in SHIPPED else ()
        for index, wanted in enumerate(given if isinstance(given, list) else ()):
            if isinstance(wanted, str) and wanted not in shipped:
                yield ("gates", name, "requires", index), wanted
