"""``fact``: one line in ``conftest.py`` that makes a collector's result a fixture."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any

import pytest

from domino_health.collectors.gather import Source, Wanted
from domino_health.collectors.looking import Collector, rights_of
from domino_health.collectors.previous import previous
from domino_health.collectors.rights import rights
from domino_health.facts.observed import Observed
from domino_health.facts.previous import PreviousRun
from domino_health.facts.rights import Right

GATHERING = pytest.StashKey[Source]()


def fact(name: str, collect: Collector, type: type, *, section: str = "", after: Sequence[str] = ()) -> Any:
    """Declare a fact: a session fixture, collected at most once, only when a selected check names it.

    Args:
        name: of the fixture, and of the checks' parameter.
        collect: names the targets to look at.
        type: what the objects are; they are recorded as such and read again on replay.
        section: of the profile. Where it is absent the fact is too, and its checks are skipped. Without one
            there is always something to look at.
        after: names of the facts that the collector is given (``look.facts``), gathered before. What could
            not be seen of them could not be seen of this one either.
    """

    def observed(request: pytest.FixtureRequest) -> Observed:
        gathering = request.config.stash.get(GATHERING, None)
        if gathering is None:
            raise pytest.UsageError(f"fact {name!r} is gathered only with --profile")
        return gathering.wait(name)

    observed.__doc__ = (getattr(collect, "what", "") or collect.__doc__ or name).strip()
    observed.wanted = Wanted(name, collect, section, type, tuple(after))  # type: ignore[attr-defined]
    return pytest.fixture(scope="session", name=name)(observed)


CLOCK = "clock"
"""The fact that ``now`` is told by."""

PREVIOUS = Wanted("previous", previous, "", PreviousRun)
"""The run before this one: gathered in every run, for its reports say what has changed since."""

RIGHTS = Wanted("rights", rights, "clusters", Right)
"""What the account may do of all that the others need: gathered in every run where one needs a right."""


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
    return {name: wanted for name, fixtures in definitions.items() for wanted in _declared(fixtures)}


def prefer_facts(item: pytest.Item) -> None:
    """Give a pack's check the suite's facts, whatever fixtures of these names are in the project around.

    Those that stand nearer to the check, in the pack itself, go before both.
    """
    if not isinstance(item, pytest.Function):
        return

    def nearness(fixture: Any) -> int:
        if fixture.baseid:  # it stands in a folder
            return 2
        return 1 if _declared([fixture]) else 0

    by_name = item._fixtureinfo.name2fixturedefs
    for name, fixtures in by_name.items():
        by_name[name] = sorted(fixtures, key=nearness)  # the last one is taken


def all_wanted(items: Sequence[pytest.Item]) -> list[Wanted]:
    """The facts of all checks, those that they are gathered after, and the engine's own.

    Raises:
        pytest.UsageError: two facts of one name, or a check would be judged by another one's; a fact that is
            not declared; facts that wait for each other.
    """
    wanted = {PREVIOUS.name: PREVIOUS}

    def want(fact: Wanted, item: pytest.Item) -> None:
        if fact.name in wanted:
            if wanted[fact.name] != fact:
                raise pytest.UsageError(
                    f"two facts are called {fact.name!r}: {item.nodeid} asks for another than those before it"
                )
            return
        wanted[fact.name] = fact
        for name in fact.after:
            declared = _declared(item.session._fixturemanager.getfixturedefs(name, item) or ())
            if not declared:
                raise pytest.UsageError(f"fact {fact.name!r} is gathered after {name!r}, which is no fact")
            want(declared[-1], item)

    for item in items:
        for fact in wanted_by(item).values():
            want(fact, item)
    try:
        tuple(TopologicalSorter({fact.name: fact.after for fact in wanted.values()}).static_order())
    except CycleError as error:
        raise pytest.UsageError(f"facts wait for each other: {' after '.join(error.args[1])}") from None
    if any(rights_of(fact.collect) for fact in wanted.values()):
        wanted.setdefault(RIGHTS.name, RIGHTS)
    return list(wanted.values())


def facts_of(table: ModuleType) -> dict[str, Wanted]:
    """The facts that a ``conftest.py`` declares, by name."""
    functions = [getattr(each, "_fixture_function", each) for each in vars(table).values()]
    declared = [wanted for each in functions if isinstance(wanted := getattr(each, "wanted", None), Wanted)]
    return {wanted.name: wanted for wanted in declared}


def _declared(fixtures: Sequence[Any]) -> list[Wanted]:
    """The facts among fixtures of one name: several where one overrides another, which it may ask for."""
    return [
        wanted for fixture in fixtures if isinstance(wanted := getattr(fixture.func, "wanted", None), Wanted)
    ]
