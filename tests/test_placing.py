"""Which nodes a pod may run on: taints and tolerations, selectors and affinity."""

import pytest

from domino_health.facts.placing import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    Requirement,
    Taint,
    Term,
    Toleration,
    untolerated,
    wanted,
)

GPU = Taint("nvidia.com/gpu", "NoSchedule", "true")
POOL = "dominodatalab.com/node-pool"


@pytest.mark.parametrize(
    "toleration",
    [
        Toleration("nvidia.com/gpu", "Exists"),
        Toleration("nvidia.com/gpu", "Exists", "", "NoSchedule"),
        Toleration("nvidia.com/gpu", "Equal", "true", "NoSchedule"),
        Toleration("nvidia.com/gpu", value="true"),
        Toleration(operator="Exists"),
    ],
)
def test_a_toleration_of_key_value_and_effect_tolerates(toleration: Toleration) -> None:
    assert toleration.tolerates(GPU)
    assert untolerated([GPU], [toleration]) == []


@pytest.mark.parametrize(
    "toleration",
    [
        Toleration("nvidia.com/gpu", "Exists", "", "NoExecute"),
        Toleration("nvidia.com/gpu", "Equal", "false"),
        Toleration("nvidia.com/gpu"),
        Toleration("amd.com/gpu", "Exists"),
        Toleration(operator="Equal", value="true"),
    ],
)
def test_a_toleration_of_anything_else_does_not(toleration: Toleration) -> None:
    assert not toleration.tolerates(GPU)
    assert untolerated([GPU], [toleration]) == [GPU]


def test_a_taint_that_only_prefers_keeps_nobody_off() -> None:
    assert untolerated([Taint("a", "PreferNoSchedule")], []) == []


def test_a_taint_is_written_as_kubectl_writes_it() -> None:
    assert str(GPU) == "nvidia.com/gpu=true:NoSchedule"
    assert str(Taint("cordoned", "NoExecute")) == "cordoned:NoExecute"


def affinity(*terms: Term) -> Affinity:
    """What nodes must be like."""
    return Affinity(NodeAffinity(NodeSelector(terms)))


def test_a_selector_says_which_pool() -> None:
    assert wanted({POOL: "default"}, None, POOL) == {"default"}


def test_affinity_says_which_pools() -> None:
    line = Requirement(POOL, "In", ("default", "large"))

    assert wanted({}, affinity(Term((line,))), POOL) == {"default", "large"}
    assert wanted({}, affinity(Term((line,)), Term((Requirement(POOL, "In", ("gpu",)),))), POOL) == {
        "default",
        "large",
        "gpu",
    }


def test_a_term_that_any_pool_meets_says_none() -> None:
    line, other = Requirement(POOL, "In", ("default",)), Requirement("zone", "In", ("a",))

    assert wanted({}, affinity(Term((line,)), Term((other,))), POOL) == frozenset()
    assert wanted({}, affinity(Term((Requirement(POOL, "NotIn", ("gpu",)),))), POOL) == frozenset()
    assert wanted({}, Affinity(), POOL) == frozenset()
    assert wanted({}, None, POOL) == frozenset()
