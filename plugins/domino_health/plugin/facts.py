"""``fact``: one line in ``conftest.py`` that makes a collector's result a fixture."""

from typing import Any

import pytest

from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import Collector
from domino_health.facts.observed import Observed

GATHERING = pytest.StashKey[Gathering]()


def fact(name: str, collect: Collector, type: type, *, section: str) -> Any:
    """Declare a fact: a session fixture, collected at most once, only when a selected check names it.

    Args:
        name: of the fixture, and of the checks' parameter.
        collect: names the targets to look at.
        type: what the objects are; they are recorded as such and read again on replay.
        section: of the profile. Where it is absent the fact is too, and its checks are skipped.
    """

    def observed(request: pytest.FixtureRequest) -> Observed:
        gathering = request.config.stash.get(GATHERING, None)
        if gathering is None:
            raise pytest.UsageError(f"fact {name!r} is gathered only with --profile")
        return gathering.wait(name)

    observed.__doc__ = (collect.__doc__ or name).strip()
    observed.wanted = Wanted(name, collect, section, type)  # type: ignore[attr-defined]
    return pytest.fixture(scope="session", name=name)(observed)


CLOCK = "clock"
"""The fact that ``now`` is told by."""


def wanted_by(item: pytest.Item) -> dict[str, Wanted]:
    """The facts that an item asks for, itself or through its fixtures; with ``now`` the clock."""
    if not isinstance(item, pytest.Function):
        return {}
    definitions = dict(item._fixtureinfo.name2fixturedefs)
    if hasattr(item, "_request"):  # what a fixture has asked for by getfixturevalue, once it has
        for name, asked in item._request._fixture_defs.items():
            definitions.setdefault(name, (asked,))
    if "now" in item.fixturenames:  # also where a project's own fixture of this name needs no clock
        clocks = item.session._fixturemanager.getfixturedefs(CLOCK, item)
        definitions.setdefault(CLOCK, clocks or ())
    return {
        name: wanted
        for name, fixtures in definitions.items()
        for fixture in fixtures  # several where one overrides another, which it may ask for
        if isinstance(wanted := getattr(fixture.func, "wanted", None), Wanted)
    }
