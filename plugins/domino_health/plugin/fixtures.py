"""What every check may ask for beside facts. Registered only with a profile."""

from datetime import datetime, timedelta

import pytest

from domino_health.collectors.gather import Source
from domino_health.facts.observed import Observed
from domino_health.plugin.facts import GATHERING
from domino_health.vocabulary import Unseen


@pytest.fixture(scope="session")
def now(request: pytest.FixtureRequest, clock: Observed) -> datetime:
    """When gathering began, UTC, by the first cluster's clock where there is one, else by ours."""
    return moment(request.config.stash[GATHERING], clock)


@pytest.fixture
def unseen() -> list[Unseen]:
    """The targets that could not be looked at, for a check that answers for them itself.

    The engine fills it in when it calls the check, when it knows which facts the check uses.
    """
    return []


def moment(gathering: Source, clock: Observed | None) -> datetime:
    """``now``: ages are told by the clock of those who made what has them."""
    skew = sum(seen.skew for seen in clock.objects) if clock else 0
    return gathering.began + timedelta(seconds=skew)
