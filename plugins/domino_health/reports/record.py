"""What every report is made of: one run, complete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domino_health.facts.observed import Observed
from domino_health.gate import Verdict
from domino_health.redact import Redactor
from domino_health.reports.missing import Missing, missing_rights
from domino_health.results import Result
from domino_health.rules import Entry


@dataclass(frozen=True)
class Replay:
    """Of which run the facts are, and by what they were judged."""

    of: str
    """Its reports' folder."""
    verified: bool
    """Whether its files were as its SHA256SUMS has them."""
    profile: str
    """``as recorded``, or the path of another one."""
    recorded_exit_status: int


@dataclass(frozen=True)
class Record:
    """One run. All texts in it are free of secrets and control characters, unless said otherwise."""

    profile: str
    description: str
    source: str
    """Path of the profile."""
    resolved: str
    """The profile's final values, YAML."""
    began: datetime
    """When gathering began, UTC, by this machine's clock."""
    finished: datetime
    skew: int
    """Seconds that the first cluster's clock is ahead of this machine's."""
    clock: str
    """By whose clock ages are told."""
    verdict: Verdict
    results: tuple[Result, ...]
    """What blocks first, then by id."""
    observed: Mapping[str, Observed]
    """Facts, as they came: what is written of them must go through the redactor."""
    many_clusters: bool
    """Whether names must say which cluster they are of."""
    runbooks: Mapping[str, str]
    """The pages of the checks that somebody must look after, by id: Markdown."""
    redactor: Redactor
    version: str
    """Of domino-health."""
    ledger: tuple[Entry, ...] = ()
    """What became of each waiver of the profile."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """The site's own pages of the checks that ran, by id: Markdown. A replay may fail what has passed."""
    replay: Replay | None = None
    """What was judged again; None where it was looked at now."""

    @property
    def missing_rights(self) -> tuple[Missing, ...]:
        """The rules to ask for where something was denied, by the Role that they belong to."""
        return missing_rights(self.observed, self.redactor.scrub)
