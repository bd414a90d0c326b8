"""Facts that are gathered after others: they are given them complete, and are blind where these were."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError, Look, NothingToLookAtError, Target
from domino_health.facts.observed import Observed, Outcome
from domino_health.profile import Profile
from suites import FINDS, Suite, a_check

PROFILE = Profile.model_validate({"version": 1, "clusters": [{"name": "east"}, {"name": "west"}]})


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch, ["-p", "no:html"])


def target(name: str, *objects: Any, fails: CollectionError | None = None) -> Target[Any]:
    def look(*_: object) -> Sequence[Any]:
        if fails is not None:
            raise fails
        return objects

    return Target(name, f"GET /{name}", timedelta(seconds=15), look)


def first(*targets: Target[Any], section: str = "clusters") -> Wanted:
    return Wanted("first", lambda look: targets, section, str)


def second(name: str = "second", after: tuple[str, ...] = ("first",)) -> Wanted:
    """One target a cluster of which something was seen: what it saw, louder."""

    def collect(look: Look) -> list[Target[Any]]:
        (given,) = (look.facts[each] for each in after)
        return [
            target(each.target, *(f"{thing}!" for thing in each.objects))
            for each in given.targets
            if each.objects
        ]

    return Wanted(name, collect, "clusters", str, after)


def gathered(*facts: Wanted, fact: str = "second") -> Observed:
    gathering = Gathering(facts, PROFILE)
    gathering.start()
    return gathering.wait(fact)


def test_a_fact_is_given_those_it_is_gathered_after_complete() -> None:
    observed = gathered(first(target("east", "a"), target("west", "b")), second())

    assert observed.objects == ["a!", "b!"]


def test_the_order_in_which_they_are_asked_for_does_not_matter_nor_how_long_the_chain_is() -> None:
    chain = [second("third", ("second",)), second(), first(target("east", "a"))]

    assert gathered(*chain, fact="third").objects == ["a!!"]


def test_progress_counts_the_targets_that_are_known_only_later() -> None:
    gathering = Gathering([first(target("east", "a")), second()], PROFILE)
    gathering.start()
    gathering.wait("second")

    assert gathering.progress[:2] == (2, 2)


def test_what_could_not_be_seen_of_one_could_not_be_seen_of_the_other() -> None:
    dead = CollectionError("no route", "mend it", Outcome.TIMED_OUT)

    observed = gathered(first(target("east", "a"), target("west", fails=dead)), second())

    assert observed.objects == ["a!"]
    (unseen,) = observed.unseen
    assert (unseen.target, unseen.outcome) == ("west", "timed out")
    assert (unseen.reason, unseen.cure) == ("needs first: no route", "mend it")


def test_where_nothing_of_one_was_seen_nothing_of_the_other_was() -> None:
    observed = gathered(first(target("east", fails=CollectionError("no route", ""))), second())

    assert observed.blind
    assert observed.absent == ""


def test_half_a_list_of_one_makes_the_other_one_unsure() -> None:
    half = CollectionError("cut off", "again", Outcome.TRUNCATED, ["a"])

    none = Wanted("second", lambda _: [], "clusters", str, ("first",))

    observed = gathered(first(target("east", fails=half)), none)

    assert [seen.outcome for seen in observed.targets] == [Outcome.FAILED]


def test_one_that_is_absent_makes_the_other_one_absent_for_the_same_reason() -> None:
    observed = gathered(first(section="tls"), second())

    assert observed.absent == "the profile has no section tls"


def test_nothing_to_look_at_is_absence_with_its_own_words() -> None:
    def nothing(_: Look) -> list[Target[Any]]:
        raise NothingToLookAtError("nobody asked for it")

    observed = gathered(Wanted("first", nothing, "clusters", str), second())

    assert observed.absent == "nobody asked for it"


def test_a_collector_that_breaks_is_not_silence_for_those_after_it() -> None:
    def breaks(_: Look) -> list[Target[Any]]:
        raise RuntimeError("a bug")

    observed = gathered(Wanted("first", breaks, "clusters", str), second())

    assert observed.blind
    assert "needs first: its collector broke: RuntimeError: a bug" in observed.unseen[0].reason


@pytest.mark.parametrize("after", [("nobody",), ("second",), ("third",)])
def test_whoever_waits_for_what_nobody_gathers_is_told(after: tuple[str, ...]) -> None:
    facts = [first(target("east", "a")), second(after=after), second("third", ("second",))]

    observed = gathered(*facts)

    assert observed.blind
    assert "facts wait for what nobody gathers: second, third" in observed.unseen[0].reason


# In a run


AFTER = """
def louder(look):
    return [seen("east", *(thing.name + "!" for thing in look.facts["things"].objects))]

louder = fact("louder", louder, Thing, section="clusters", after={after})
"""


def test_a_check_may_ask_for_the_second_alone(suite: Suite) -> None:
    suite.facts(more=AFTER.format(after=("things",)))
    suite.checks(a_check("TST-001", FINDS.replace("things", "louder"), facts="louder: list"))

    ran = suite.run()

    assert [each["subject"]["name"] for each in ran.results["TST-001"]["findings"]] == ["a!", "b!"]
    assert {path.name for path in (ran.folder / "facts").iterdir()} >= {"things.json.gz", "louder.json.gz"}


@pytest.mark.parametrize(
    ("after", "more", "told"),
    [
        (("nobody",), "", "fact 'louder' is gathered after 'nobody', which is no fact"),
        (("louder",), "", "facts wait for each other: louder after louder"),
    ],
)
def test_facts_that_cannot_be_gathered_in_any_order_are_a_usage_error(
    suite: Suite, after: tuple[str, ...], more: str, told: str
) -> None:
    suite.facts(more=AFTER.format(after=after) + more)
    suite.checks(a_check("TST-001", "return Assessment(louder, [])", facts="louder: list"))

    ran = suite.run()

    assert ran.status == 4
    assert told in ran.out
