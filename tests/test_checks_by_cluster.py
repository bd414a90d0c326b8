"""Two clusters that are judged together give what each gives alone, though all in them has the same names."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

import large_cluster
from domino_health.results import Result
from domino_health.vocabulary import CheckSpec

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from all_checks import arguments, assess, every_check

Facts = dict[str, list[Any]]


@cache
def cluster(name: str, scale: float) -> Facts:
    """A cluster in trouble; of the same scale, another has the same names in it."""
    facts = large_cluster.facts(scale)
    return {
        fact: [msgspec.structs.replace(each, cluster=name) for each in those] for fact, those in facts.items()
    }


def found(result: Result | None) -> tuple[list[tuple[str, ...]], int]:
    assert result is not None
    findings = [
        (each.subject.cluster, str(each.subject), each.message, str(each.severity), str(each.count))
        for each in result.findings
    ]
    return sorted(findings), result.population


@pytest.mark.parametrize(
    ("spec", "function"),
    [pytest.param(*each, id=each[0].id) for each in every_check() if arguments(*each, cluster("a", 0))],
)
@pytest.mark.parametrize("scale", [0.001, 0.002])
def test_two_clusters_together_give_what_each_gives_alone(
    spec: CheckSpec, function: Callable[..., Any], scale: float
) -> None:
    one, other = cluster("a", 0.001), cluster("b", scale)
    together = {fact: [*those, *other[fact]] for fact, those in one.items()}

    first, second = (found(assess(spec, function, facts)) for facts in (one, other))
    assert found(assess(spec, function, together)) == (sorted(first[0] + second[0]), first[1] + second[1])
