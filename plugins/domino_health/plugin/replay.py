"""A run's facts once more, from what it has written. Nothing is looked at, and no socket is opened."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from domino_health.collectors.gather import Wanted
from domino_health.facts.observed import Observed
from domino_health.reports.recorded import Recorded


class Replayed:
    """Stands in the place of ``Gathering``; its facts are there from the start."""

    def __init__(self, wanted: Sequence[Wanted], recorded: Recorded) -> None:
        self._recorded = recorded
        self._observed = {fact.name: recorded.observed(fact.name, fact.type) for fact in wanted}

    @property
    def began(self) -> datetime:
        """When the recorded run began to look."""
        return self._recorded.began

    def start(self) -> None:
        """Nothing is to be begun."""

    def wait(self, fact: str, tick: Callable[[], None] = lambda: None, every: float = 0.2) -> Observed:  # noqa: ARG002
        """The fact.

        Raises:
            KeyError: a fact that no check asked for.
        """
        return self._observed[fact]

    @property
    def observed(self) -> Mapping[str, Observed]:
        """All of them."""
        return self._observed

    @property
    def progress(self) -> tuple[int, int, list[str]]:
        """There is nothing to wait for."""
        return 0, 0, []
