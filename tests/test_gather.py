"""Gathering: everything is looked at at once, and nothing that goes wrong stops or falsifies the rest."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from domino_health.collectors import gather
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NothingToLookAtError,
    NotInstalledError,
    Shared,
    Target,
)
from domino_health.facts.observed import Observed, Outcome
from domino_health.profile import Profile

PROFILE = Profile.model_validate({"version": 1, "clusters": [{"name": "prod"}]})
LONG_ENOUGH = 15.0
"""Seconds after which a test that waits has failed; none waits that long when all is well."""

Looking = Callable[[Deadline, Callable[[str], None]], Sequence[Any]]


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """Every thread that a test starts ends with it."""
    before = set(threading.enumerate())

    yield

    for thread in set(threading.enumerate()) - before:
        thread.join(LONG_ENOUGH)
        assert not thread.is_alive(), thread.name


@pytest.fixture
def release(threads_end: None) -> Iterator[threading.Event]:
    """What hung targets wait for: set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "GRACE", 0.2)


def seen(*objects: object) -> Looking:
    return lambda deadline, say: objects


def hung(release: threading.Event, *objects: object) -> Looking:
    def look(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        release.wait(LONG_ENOUGH)
        return objects

    return look


def raising(error: BaseException) -> Looking:
    def explode(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        raise error

    return explode


def target(name: str, look: Looking, allowed: float = LONG_ENOUGH) -> Target[Any]:
    return Target(name, f"GET /{name}", timedelta(seconds=allowed), look)


def wanted(fact: str, *targets: Target[Any], section: str = "clusters") -> Wanted:
    return Wanted(fact, lambda look: targets, section, object)


def start(*facts: Wanted, profile: Profile = PROFILE) -> Gathering:
    gathering = Gathering(facts, profile)
    gathering.start()
    return gathering


def wait(gathering: Gathering, fact: str, seconds: float = LONG_ENOUGH) -> Observed:
    """``gathering.wait``, which itself knows no end, within bounds."""
    end = time.monotonic() + seconds

    def tick() -> None:
        if time.monotonic() > end:
            pytest.fail(f"{fact} has no outcome after {seconds:g} s")

    return gathering.wait(fact, tick, every=0.02)


def outcomes(observed: Observed) -> list[tuple[str, Outcome]]:
    return [(each.target, each.outcome) for each in observed.targets]


# All at once


def test_targets_of_one_fact_and_of_several_are_looked_at_at_the_same_time() -> None:
    all_here = threading.Barrier(3, timeout=LONG_ENOUGH)

    def meet(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        all_here.wait()
        return ["met"]

    gathering = start(
        wanted("pods", target("a", meet), target("b", meet)), wanted("nodes", target("a", meet))
    )

    assert outcomes(wait(gathering, "pods")) == [("a", Outcome.SEEN), ("b", Outcome.SEEN)]
    assert outcomes(wait(gathering, "nodes")) == [("a", Outcome.SEEN)]


@pytest.mark.parametrize(("targets", "at_once"), [(3, 3), (4, 3), (7, 3), (1, 1)])
def test_more_targets_than_may_be_looked_at_at_once_take_their_turn(
    monkeypatch: pytest.MonkeyPatch, targets: int, at_once: int
) -> None:
    monkeypatch.setattr(gather, "MOST_AT_ONCE", 3)
    lock, running, most = threading.Lock(), set[int](), [0]
    first_wave = threading.Barrier(at_once, timeout=LONG_ENOUGH)

    def look(number: int) -> Looking:
        def count(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
            with lock:
                running.add(number)
                most[0] = max(most[0], len(running))
            if number < at_once:
                first_wave.wait()
            time.sleep(0.02)
            with lock:
                running.remove(number)
            return [number]

        return count

    gathering = start(wanted("pods", *(target(str(number), look(number)) for number in range(targets))))
    observed = wait(gathering, "pods")

    assert observed.objects == list(range(targets))
    assert most[0] == at_once


def test_the_deadline_of_a_target_begins_when_its_turn_comes(
    monkeypatch: pytest.MonkeyPatch, short_grace: None
) -> None:
    monkeypatch.setattr(gather, "MOST_AT_ONCE", 1)

    def slowly(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        time.sleep(0.25)
        return [deadline.remaining()]

    gathering = start(wanted("pods", *(target(str(number), slowly, allowed=0.6) for number in range(4))))
    observed = wait(gathering, "pods")

    assert [outcome for _, outcome in outcomes(observed)] == [Outcome.SEEN] * 4


def test_objects_and_outcomes_stand_in_the_order_of_the_targets_not_of_the_answers() -> None:
    last_first = [threading.Event() for _ in range(4)]
    last_first[3].set()

    def look(number: int) -> Looking:
        def in_turn(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
            assert last_first[number].wait(LONG_ENOUGH)
            last_first[number - 1].set()
            return [number]

        return in_turn

    gathering = start(wanted("pods", *(target(f"t{number}", look(number)) for number in range(4))))
    observed = wait(gathering, "pods")

    assert [each.target for each in observed.targets] == ["t0", "t1", "t2", "t3"]
    assert observed.objects == [0, 1, 2, 3]


def test_targets_of_the_same_name_are_both_looked_at_and_both_told() -> None:
    gathering = start(wanted("pods", target("prod/a", seen(1)), target("prod/a", seen(2))))

    observed = wait(gathering, "pods", seconds=5)

    assert outcomes(observed) == [("prod/a", Outcome.SEEN), ("prod/a", Outcome.SEEN)]
    assert observed.objects == [1, 2]


# Deadlines


def test_a_hung_target_is_given_up_at_its_deadline_and_delays_no_other(
    short_grace: None, release: threading.Event
) -> None:
    gathering = start(
        wanted("pods", target("dead", hung(release), allowed=0.2), target("alive", seen("pod"))),
        wanted("nodes", target("alive", seen("node"))),
    )

    early = wait(gathering, "nodes")
    ready_before_the_hung_one = not gathering.ready("pods")
    observed = wait(gathering, "pods")

    assert ready_before_the_hung_one
    assert early.objects == ["node"]
    assert outcomes(observed) == [("dead", Outcome.TIMED_OUT), ("alive", Outcome.SEEN)]
    assert observed.objects == ["pod"]
    assert observed.targets[0].reason == "no complete answer within 0.2 s (given up)"
    assert "raise its deadline" in observed.targets[0].cure
    assert 0.2 <= observed.targets[0].seconds < 5


def test_a_target_that_overruns_within_the_grace_tells_of_it_in_its_own_words(short_grace: None) -> None:
    def overrun(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        time.sleep(0.15)
        raise deadline.passed("in the TLS handshake")

    gathering = start(wanted("pods", target("slow", overrun, allowed=0.1)))
    observed = wait(gathering, "pods")

    assert outcomes(observed) == [("slow", Outcome.TIMED_OUT)]
    assert observed.targets[0].reason == "no complete answer within 0.1 s in the TLS handshake"


def test_a_hung_target_is_given_up_one_grace_after_its_deadline_whatever_else_happens(
    release: threading.Event,
) -> None:
    def later(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        time.sleep(1.0)
        return []

    gathering = start(wanted("pods", target("dead", hung(release), allowed=0.1), target("later", later)))
    observed = wait(gathering, "pods")

    assert observed.targets[0].seconds < 0.1 + gather.GRACE + 0.7


def test_an_answer_after_the_deadline_is_no_answer(short_grace: None, release: threading.Event) -> None:
    gathering = start(
        wanted("pods", target("dead", hung(release, "too late"), allowed=0.1)),
        wanted("nodes", target("slow", hung(release, "in time"))),
    )
    given_up = wait(gathering, "pods")
    release.set()

    wait(gathering, "nodes")

    assert gathering.observed["pods"] == given_up
    assert gathering.observed["pods"].objects == []
    assert gathering.observed["nodes"].objects == ["in time"]


def test_an_answer_that_came_in_time_counts_however_slowly_the_terminal_draws(short_grace: None) -> None:
    def look(seconds: float) -> Looking:
        def sleep(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
            time.sleep(seconds)
            return [seconds]

        return sleep

    gathering = start(
        wanted("pods", *(target(str(number), look(0.1 + number / 50), allowed=0.4) for number in range(4)))
    )
    slow = iter([1.2])
    observed = gathering.wait("pods", lambda: time.sleep(next(slow, 0.0)), every=0.02)

    assert [outcome for _, outcome in outcomes(observed)] == [Outcome.SEEN] * 4


def test_a_deadline_has_time_left_until_it_has_passed() -> None:
    deadline = Deadline(timedelta(seconds=30))

    assert 29 < deadline.seconds_left <= 30
    assert deadline.remaining(5) == 5
    assert 29 < deadline.remaining(60) <= 30


@pytest.mark.parametrize("allowed", [timedelta(0), timedelta(seconds=-1)])
def test_a_deadline_that_has_passed_says_so_and_never_gives_a_time_of_zero(allowed: timedelta) -> None:
    deadline = Deadline(allowed)

    assert deadline.seconds_left == 0
    with pytest.raises(CollectionError, match="no complete answer within") as caught:
        deadline.remaining()
    assert caught.value.outcome is Outcome.TIMED_OUT


def test_what_takes_long_to_import_is_imported_before_any_deadline_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.5)\n")
    monkeypatch.syspath_prepend(tmp_path)

    def look(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        import slow_to_import  # type: ignore[import-not-found]

        return [slow_to_import.__name__]

    slow = Target("slow", "GET /slow", timedelta(seconds=0.3), look, needs=("slow_to_import", "no_such"))
    (seen,) = wait(start(wanted("pods", slow)), "pods").targets

    assert seen.outcome is Outcome.SEEN
    assert seen.seconds < 0.5


def test_how_a_target_was_looked_at_may_be_known_only_afterwards() -> None:
    servers: list[str] = []

    def look(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        servers.append("https://10.0.0.1")
        return servers

    found = Target("east", lambda: f"GET {servers[0]}", timedelta(seconds=LONG_ENOUGH), look)
    (seen,) = wait(start(wanted("pods", found)), "pods").targets

    assert seen.how == "GET https://10.0.0.1"


def test_a_target_that_cannot_tell_how_it_was_looked_at_was_seen_all_the_same() -> None:
    found = Target("east", lambda: str(1 / 0), timedelta(seconds=LONG_ENOUGH), seen("pod"))
    gathering = start(wanted("pods", found), wanted("nodes", target("a", seen("node"))))

    (east,) = wait(gathering, "pods").targets

    assert (east.outcome, east.objects) == (Outcome.SEEN, ("pod",))
    assert east.how == "(its collector cannot tell: ZeroDivisionError)"
    assert wait(gathering, "nodes").objects == ["node"]


# What goes wrong


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this works")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("boom"),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        MemoryError(),
        RecursionError("too deep"),
        ExceptionGroup("several", [ValueError("one"), OSError("two")]),
        StopIteration(),
        UnprintableError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_collector_that_breaks_says_so_with_its_traceback_and_the_others_go_on(
    error: BaseException,
) -> None:
    gathering = start(wanted("pods", target("broken", raising(error)), target("fine", seen("pod"))))

    observed = wait(gathering, "pods")

    broken, fine = observed.targets
    assert (broken.outcome, fine.outcome) == (Outcome.BROKEN, Outcome.SEEN)
    assert broken.reason.startswith(f"its collector broke: {type(error).__name__}")
    assert broken.cure
    assert "explode" in broken.details
    assert observed.objects == ["pod"]
    assert [each.target for each in observed.unseen] == ["broken"]


def test_a_collector_whose_objects_break_while_they_are_taken_is_broken() -> None:
    def one_then_boom() -> Iterator[str]:
        yield "one"
        raise ValueError("boom")

    def look(deadline: Deadline, say: Callable[[str], None]) -> Any:
        return one_then_boom()

    observed = wait(start(wanted("pods", target("lazy", look))), "pods")

    assert outcomes(observed) == [("lazy", Outcome.BROKEN)]
    assert observed.objects == []


def test_a_collector_that_returns_nothing_at_all_is_broken() -> None:
    def forgetful(deadline: Deadline, say: Callable[[str], None]) -> Any:
        return None

    observed = wait(start(wanted("pods", target("forgetful", forgetful))), "pods")

    assert outcomes(observed) == [("forgetful", Outcome.BROKEN)]
    assert "TypeError" in observed.targets[0].reason


def test_a_refusal_is_told_with_its_reason_its_cure_and_its_outcome_and_without_a_traceback() -> None:
    refusal = CollectionError("GET /pods: 403", "grant the rule", Outcome.DENIED)

    observed = wait(start(wanted("pods", target("prod", raising(refusal)))), "pods")

    (denied,) = observed.targets
    assert (denied.outcome, denied.reason, denied.cure) == (
        Outcome.DENIED,
        "GET /pods: 403",
        "grant the rule",
    )
    assert denied.details == ""
    assert denied.how == "GET /prod"
    assert observed.blind


def test_a_listing_that_was_cut_short_keeps_what_it_saw() -> None:
    cut = CollectionError("more than 2 objects", "name the namespaces", Outcome.TRUNCATED, ["a", "b"])

    observed = wait(start(wanted("pods", target("prod", raising(cut)))), "pods")

    assert outcomes(observed) == [("prod", Outcome.TRUNCATED)]
    assert observed.objects == ["a", "b"]
    assert [each.outcome for each in observed.unseen] == ["truncated"]
    assert not observed.blind


def test_a_refusal_that_is_itself_broken_says_so() -> None:
    nonsense: Any = 5
    cut = CollectionError("cut", "cure", Outcome.TRUNCATED, nonsense)

    observed = wait(start(wanted("pods", target("prod", raising(cut), allowed=1))), "pods")

    assert outcomes(observed) == [("prod", Outcome.BROKEN)]
    assert "TypeError" in observed.targets[0].reason


@pytest.mark.parametrize("outcome", [Outcome.SEEN, "failed", None])
def test_a_refusal_with_the_outcome_of_an_answer_or_none_at_all_is_broken(outcome: Any) -> None:
    def look(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        raise CollectionError("refused", "cure", outcome)

    observed = wait(start(wanted("pods", target("prod", look))), "pods")

    assert outcomes(observed) == [("prod", Outcome.BROKEN)]
    assert f"TypeError: {outcome!r} is no outcome of a refusal: refused" in observed.targets[0].reason


@pytest.mark.parametrize("error", [RuntimeError("no plan"), SystemExit(1), UnprintableError()])
def test_a_collector_that_breaks_before_it_names_a_target_leaves_its_fact_unknown(
    error: BaseException,
) -> None:
    def plan(look: Look) -> NoReturn:
        raise error

    gathering = start(Wanted("pods", plan, "clusters", object), wanted("nodes", target("a", seen("node"))))

    observed = wait(gathering, "pods")
    assert outcomes(observed) == [("pods", Outcome.BROKEN)]
    assert "plan" in observed.targets[0].details
    assert observed.blind
    assert wait(gathering, "nodes").objects == ["node"]


def test_an_interrupt_while_targets_are_named_is_the_users_and_goes_through() -> None:
    def plan(look: Look) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(Wanted("pods", plan, "clusters", object))


def no_target(look: Look) -> Any:
    return ["prod"]


def nothing(look: Look) -> Any:
    return None


def allowed_is_no_duration(look: Look) -> Any:
    allowed: Any = 5
    return [Target("prod", "", allowed, seen())]


def name_is_no_text(look: Look) -> Any:
    name: Any = None
    return [Target(name, "", timedelta(seconds=LONG_ENOUGH), seen())]


@pytest.mark.parametrize("plan", [no_target, nothing, allowed_is_no_duration, name_is_no_text])
def test_a_collector_that_names_nonsense_leaves_its_fact_unknown_and_the_others_go_on(
    plan: Callable[[Look], Any],
) -> None:
    gathering = start(Wanted("pods", plan, "clusters", object), wanted("nodes", target("a", seen("node"))))

    observed = wait(gathering, "pods", seconds=5)

    assert [each.outcome for each in observed.targets] == [Outcome.BROKEN]
    assert wait(gathering, "nodes", seconds=5).objects == ["node"]


def test_a_machine_without_threads_to_spare_says_so_and_does_not_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "pods of b":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    gathering = start(
        wanted("pods", target("a", seen(1)), target("b", seen(2)), target("c", seen(3))),
    )

    observed = wait(gathering, "pods", seconds=5)

    assert outcomes(observed) == [("a", Outcome.SEEN), ("b", Outcome.BROKEN), ("c", Outcome.SEEN)]
    assert "can't start new thread" in observed.targets[1].reason


def test_a_machine_without_any_thread_to_spare_leaves_every_fact_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    gathering = start(wanted("pods", target("a", seen(1))), wanted("nodes", target("a", seen(2))))

    for fact in ("pods", "nodes"):
        assert [each.outcome for each in wait(gathering, fact, seconds=5).targets] == [Outcome.BROKEN]


# Nothing to look at


def test_a_fact_whose_section_the_profile_lacks_is_absent_and_says_so() -> None:
    observed = wait(start(wanted("tls_endpoints", target("never", seen(1)), section="tls")), "tls_endpoints")

    assert observed == Observed("tls_endpoints", (), "the profile has no section tls")


def test_a_fact_without_targets_is_absent_and_says_so() -> None:
    observed = wait(start(wanted("pods")), "pods")

    assert observed == Observed("pods", (), "section clusters names nothing to look at")


def test_a_fact_without_a_section_and_without_targets_is_absent_and_says_so() -> None:
    observed = wait(start(wanted("pods", section="")), "pods")

    assert observed == Observed("pods", (), "nothing to look at")


def test_a_collector_that_finds_nothing_to_look_at_and_gives_no_words_is_absent_all_the_same() -> None:
    def plan(look: Look) -> NoReturn:
        raise NothingToLookAtError

    observed = wait(start(Wanted("pods", plan, "clusters", object)), "pods")

    assert observed.absent == "section clusters names nothing to look at"


def _not_installed(*_: object) -> NoReturn:
    raise NotInstalledError("metrics-server is not installed")


def test_what_no_target_has_is_absent_in_the_words_of_who_looked() -> None:
    observed = wait(start(wanted("pods", target("a", _not_installed), target("b", _not_installed))), "pods")

    assert observed.absent == "metrics-server is not installed"
    assert [seen.outcome for seen in observed.targets] == [Outcome.NOT_INSTALLED] * 2
    assert observed.unseen == []
    assert observed.blind


def test_what_one_target_has_and_another_has_not_is_seen_and_nothing_of_it_is_unseen() -> None:
    observed = wait(start(wanted("pods", target("a", _not_installed), target("b", seen(1)))), "pods")

    assert observed.absent == ""
    assert observed.objects == [1]
    assert observed.unseen == []
    assert not observed.blind


def test_what_one_target_has_not_and_another_does_not_tell_is_unseen_there() -> None:
    def fails(*_: object) -> NoReturn:
        raise CollectionError("503", "see the metrics API")

    observed = wait(start(wanted("pods", target("a", _not_installed), target("b", fails))), "pods")

    assert observed.absent == ""
    assert [unseen.target for unseen in observed.unseen] == ["b"]
    assert observed.blind


def test_no_facts_at_all_are_gathered_at_once() -> None:
    gathering = start()

    assert gathering.observed == {}
    assert gathering.progress == (0, 0, [])


# Waiting


def test_waiting_for_a_fact_that_is_not_gathered_is_an_error_and_not_an_endless_wait() -> None:
    gathering = start(wanted("pods", target("a", seen(1))))
    wait(gathering, "pods")
    ticks = iter(range(3))

    with pytest.raises(KeyError, match="nodes"):
        gathering.wait("nodes", lambda: print(next(ticks)), every=0.01)


def test_a_tick_is_called_while_one_waits_and_none_for_what_is_there(release: threading.Event) -> None:
    gathering = start(wanted("pods", target("a", hung(release, "pod"))))
    ticks = [0]

    def tick() -> None:
        ticks[0] += 1
        if ticks[0] == 3:
            release.set()

    gathering.wait("pods", tick, every=0.01)
    ticked = ticks[0]
    gathering.wait("pods", tick, every=0.01)

    assert ticked >= 3
    assert ticks[0] == ticked


def test_an_interrupt_while_one_waits_goes_through_and_one_can_wait_again(release: threading.Event) -> None:
    gathering = start(wanted("pods", target("a", hung(release, "pod"))))

    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gathering.wait("pods", interrupt, every=0.01)
    release.set()

    assert wait(gathering, "pods").objects == ["pod"]


def test_progress_counts_targets_and_tells_what_is_looked_at_and_how_far_it_is(
    release: threading.Event,
) -> None:
    told = threading.Event()

    def paging(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        say("500 of 2000")
        told.set()
        release.wait(LONG_ENOUGH)
        return []

    gathering = start(
        wanted("nodes", target("prod", seen("node"))),
        wanted("pods", target("prod", paging), target("dr", hung(release))),
    )
    wait(gathering, "nodes")
    assert told.wait(LONG_ENOUGH)
    during = gathering.progress
    release.set()
    wait(gathering, "pods")

    assert during[:2] == (1, 3)
    assert sorted(during[2]) == ["pods of dr", "pods of prod (500 of 2000)"]
    assert gathering.progress == (3, 3, [])


def test_what_is_gathered_says_when_and_how_it_was_looked_at() -> None:
    gathering = start(wanted("pods", target("prod", seen("pod"))))

    (prod,) = wait(gathering, "pods").targets

    assert prod.how == "GET /prod"
    assert prod.at.tzinfo is not None
    assert gathering.began <= prod.at
    assert 0 <= prod.seconds < LONG_ENOUGH


# What collectors share


def test_what_is_shared_is_made_once_however_many_ask_at_the_same_time() -> None:
    shared, made, got = Shared(), [], []
    all_here = threading.Barrier(8, timeout=LONG_ENOUGH)

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    def ask() -> None:
        all_here.wait()
        got.append(shared.get("cluster", make, Deadline(timedelta(seconds=LONG_ENOUGH))))

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(LONG_ENOUGH)

    assert len(made) == 1
    assert got == made * 8


def test_what_is_made_may_be_none_and_is_still_made_once() -> None:
    shared, made = Shared(), []

    for _ in range(2):
        assert shared.get("key", lambda: made.append(1), Deadline(timedelta(seconds=5))) is None

    assert made == [1]


def test_a_failure_to_make_is_told_to_each_who_asks_and_tried_again() -> None:
    shared, deadline = Shared(), Deadline(timedelta(seconds=LONG_ENOUGH))
    attempts = iter([CollectionError("no way in", "mend it"), CollectionError("no way in", "mend it")])

    def make() -> str:
        for error in attempts:
            raise error
        return "connection"

    for _ in range(2):
        with pytest.raises(CollectionError, match="no way in"):
            shared.get("cluster", make, deadline)

    assert shared.get("cluster", make, deadline) == "connection"


def test_a_connection_that_cannot_be_made_is_told_for_every_target_that_needs_it() -> None:
    shared = Shared()

    def make() -> str:
        raise CollectionError("no way into cluster prod", "mend the kubeconfig")

    def look(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        return [shared.get("cluster", make, deadline)]

    gathering = start(
        wanted("pods", target("a", look), target("b", look)), wanted("nodes", target("a", look))
    )

    for fact in ("pods", "nodes"):
        assert {each.reason for each in wait(gathering, fact).targets} == {"no way into cluster prod"}


def test_a_hung_making_holds_each_who_asks_until_its_own_deadline_and_no_longer(
    short_grace: None, release: threading.Event
) -> None:
    shared = Shared()

    def look(deadline: Deadline, say: Callable[[str], None]) -> Sequence[Any]:
        return [shared.get("cluster", lambda: release.wait(LONG_ENOUGH), deadline)]

    gathering = start(wanted("pods", *(target(str(number), look, allowed=0.3) for number in range(3))))
    observed = wait(gathering, "pods")

    assert [outcome for _, outcome in outcomes(observed)] == [Outcome.TIMED_OUT] * 3
    assert sorted(each.reason for each in observed.targets) == [
        "no complete answer within 0.3 s (given up)",
        "no complete answer within 0.3 s while the way in was still being found",
        "no complete answer within 0.3 s while the way in was still being found",
    ]


def test_a_hung_making_holds_nobody_who_asks_for_something_else(release: threading.Event) -> None:
    shared = Shared()
    began = threading.Event()

    def hang() -> None:
        began.set()
        release.wait(LONG_ENOUGH)

    asker = threading.Thread(
        target=shared.get, args=("dr", hang, Deadline(timedelta(seconds=LONG_ENOUGH))), daemon=True
    )
    asker.start()
    assert began.wait(LONG_ENOUGH)

    assert shared.get("prod", lambda: "connection", Deadline(timedelta(seconds=5))) == "connection"


@pytest.mark.parametrize(
    ("looked_at", "unseen"),
    [
        (["prod"], []),  # it knows which of the cluster's namespaces matter to it
        (["prod/domino-compute"], []),
        (["prod/domino-platform"], ["prod/domino-compute"]),
        (["edge"], ["prod/domino-compute"]),
    ],
)
def test_who_looks_at_a_cluster_answers_for_its_namespaces(looked_at: list[str], unseen: list[str]) -> None:
    def denied(deadline: Deadline, say: Callable[[str], None]) -> NoReturn:
        raise CollectionError("403", "grant it", Outcome.DENIED)

    def before(look: Look) -> list[Target[Any]]:
        return [Target("prod/domino-compute", "GET", timedelta(seconds=LONG_ENOUGH), denied)]

    def after(look: Look) -> list[Target[Any]]:
        return [Target(name, "think", timedelta(seconds=LONG_ENOUGH), seen(1)) for name in looked_at]

    gathering = Gathering(
        [Wanted("pods", before, "", int), Wanted("more", after, "", int, ("pods",))], PROFILE
    )
    gathering.start()

    assert [each.target for each in gathering.wait("more").unseen] == unseen
