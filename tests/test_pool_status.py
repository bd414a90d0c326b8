"""The status of cluster-autoscaler: both of its forms are read, and what is neither is told."""

from datetime import UTC, datetime

import pytest

from domino_health.collectors.pool_status import MOST_BYTES, status_of
from domino_health.facts.api import Condition
from domino_health.facts.pools import NodePool

# As cluster-autoscaler 1.30 and later write it: the form of kubernetes/autoscaler's own test data.
YAML = """\
time: 2023-12-20 10:52:04.558615784 +0000 UTC
autoscalerStatus: Running
clusterWide:
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: 11
        ready: 4
        unready:
          total: 2
          resourceUnready: 1
      longUnregistered: 1
    lastProbeTime: "2023-12-20T10:52:04.558615784Z"
    lastTransitionTime: "2023-12-20T10:46:22.549253146Z"
  scaleUp:
    status: NoActivity
nodeGroups:
- name: https://www.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/gke-sample-40ce0341-grp
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: 7
    cloudProviderTarget: 8
    minSize: 2
    maxSize: 12
    lastTransitionTime: "2023-12-20T10:46:22Z"
  scaleUp:
    status: Backoff
    backoffInfo:
      errorCode: QUOTA_EXCEEDED
      errorMessage: "Instance 'sample-t28s' creation failed: Quota 'CPUS' exceeded. Limit: 57.0."
    lastProbeTime: "2023-12-20T10:52:04Z"
    lastTransitionTime: "2023-12-20T10:50:00Z"
  scaleDown:
    status: NoCandidates
- name: empty
  health:
    status: Unhealthy
    nodeCounts:
      registered:
        total: 0
    cloudProviderTarget: 0
    minSize: 0
    maxSize: 1
    lastTransitionTime: null
"""
# As versions up to 1.29 write it: of kubernetes/autoscaler's issue 2287, and its second group shortened.
TEXT = """\
Cluster-autoscaler status at 2019-09-02 14:57:47.683724023 +0000 UTC:
Cluster-wide:
  Health:      Healthy (ready=2 unready=0 notStarted=0 longNotStarted=0 registered=2 longUnregistered=0)
               LastProbeTime:      2019-09-02 14:57:47.467422992 +0000 UTC m=+238.237952298
               LastTransitionTime: 2019-09-02 14:54:02.209305948 +0000 UTC m=+12.979835247
  ScaleUp:     InProgress (ready=2 registered=2)
               LastProbeTime:      2019-09-02 14:57:47.467422992 +0000 UTC m=+238.237952298
               LastTransitionTime: 2019-09-02 14:57:06.260551893 +0000 UTC m=+197.031081183
  ScaleDown:   NoCandidates (candidates=0)
               LastProbeTime:      2019-09-02 14:57:47.467422992 +0000 UTC m=+238.237952298
               LastTransitionTime: 2019-09-02 14:54:02.209305948 +0000 UTC m=+12.979835247

NodeGroups:
  Name:        work-default-eks-spot1
  Health:      Healthy (ready=1 unready=0 (resourceUnready=0) registered=1 longUnregistered=0 \
cloudProviderTarget=2 (minSize=1, maxSize=7))
               LastProbeTime:      2019-09-02 14:57:47.467422992 +0000 UTC m=+238.237952298
               LastTransitionTime: 2019-09-02 14:54:02.209305948 +0000 UTC m=+12.979835247
  ScaleUp:     Backoff (ready=1 cloudProviderTarget=1)
               LastProbeTime:      2019-09-02 14:57:47.467422992 +0000 UTC m=+238.237952298
               LastTransitionTime: 2019-09-02 14:50:00 +0000 UTC m=+12.979835247
  ScaleDown:   NoCandidates (candidates=0)
               LastTransitionTime: 2019-09-02 14:54:02.209305948 +0000 UTC m=+12.979835247

  Name:        ng1
  Health:      Unhealthy (ready=0 unready=1 registered=1 cloudProviderTarget=5 (min=5, max=6))
               LastProbeTime:      0001-01-01 00:00:00 +0000 UTC
               LastTransitionTime: 0001-01-01 00:00:00 +0000 UTC

"""


def at(hour: int, minute: int, second: int, *, year: int = 2023, month: int = 12, day: int = 20) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def test_the_yaml_of_1_30_and_later_is_read() -> None:
    status = status_of(YAML)

    assert (status.name, status.state, status.written) == ("cluster-autoscaler", "Running", at(10, 52, 4))
    assert status.health == Condition("Health", "Healthy", last_transition_time=at(10, 46, 22))
    gke, empty = status.pools
    assert gke == NodePool(
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/gke-sample-40ce0341-grp",
        nodes=7,
        target=8,
        least=2,
        most=12,
        health=Condition("Health", "Healthy", last_transition_time=at(10, 46, 22)),
        scale_up=Condition(
            "ScaleUp",
            "Backoff",
            "QUOTA_EXCEEDED",
            "Instance 'sample-t28s' creation failed: Quota 'CPUS' exceeded. Limit: 57.0.",
            at(10, 50, 0),
        ),
    )
    assert empty == NodePool(
        "empty", nodes=0, target=0, least=0, most=1, health=Condition("Health", "Unhealthy")
    )


def test_the_text_of_the_versions_before_is_read() -> None:
    status = status_of(TEXT)
    day = {"year": 2019, "month": 9, "day": 2}

    assert (status.state, status.written) == ("Running", at(14, 57, 47, **day))
    assert status.health == Condition("Health", "Healthy", last_transition_time=at(14, 54, 2, **day))
    assert status.pools == (
        NodePool(
            "work-default-eks-spot1",
            nodes=1,
            target=2,
            least=1,
            most=7,
            health=Condition("Health", "Healthy", last_transition_time=at(14, 54, 2, **day)),
            scale_up=Condition("ScaleUp", "Backoff", last_transition_time=at(14, 50, 0, **day)),
        ),
        NodePool("ng1", nodes=1, target=5, least=5, most=6, health=Condition("Health", "Unhealthy")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "Cluster-autoscaler status at 2023-12-20 10:52:04 +0000 UTC:\nInitializing",
        "time: 2023-12-20 10:52:04 +0000 UTC\nautoscalerStatus: Initializing\nclusterWide:\n  health: {}\n",
    ],
)
def test_one_that_begins_has_no_pools_yet(text: str) -> None:
    status = status_of(text)

    assert (status.state, status.written, status.pools, status.health) == (
        "Initializing",
        at(10, 52, 4),
        (),
        None,
    )


def test_a_cluster_without_node_groups_has_none() -> None:
    assert status_of(TEXT.partition("\nNodeGroups")[0]).pools == ()


@pytest.mark.parametrize("zone", ["+0100 CET", "+01:00"])
def test_a_time_has_the_zone_that_it_says(zone: str) -> None:
    text = f"Cluster-autoscaler status at 2023-12-20 11:52:04 {zone}:\nInitializing"

    assert status_of(text).written == at(10, 52, 4)


def deep(levels: int) -> str:
    return "nodeGroups: " + "[" * levels


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "hello",
        "{}",
        "[]",
        "- a",
        "time: yesterday\nautoscalerStatus: Running",
        "time: 2023-13-45 10:52:04 +0000 UTC\nautoscalerStatus: Running",
        "autoscalerStatus: Running",
        "time: 2023-12-20 10:52:04 +0000 UTC",
        YAML.replace("total: 7", "total: seven"),
        YAML.replace("maxSize: 12", "maxSize: -1"),
        YAML.replace("maxSize: 12", "maxSize: " + "9" * 5000),
        YAML.replace("- name: empty", "- nom: empty"),
        YAML.replace("time:", "time: !!python/object/apply:os.system [x]\nother:"),
        YAML + "\t- x",
        "a: &a [*a]",
        deep(100_000),
        "\x00\x01",
        "\ud800",
        "Cluster-autoscaler status at noon:\nInitializing",
        "Cluster-autoscaler status at 2023-12-20 10:52:04 +0000 UTC:\nsomething else",
        "x" * (MOST_BYTES + 1),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_of_neither_form_is_told_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"no status of cluster-autoscaler|more than a ConfigMap") as caught:
        status_of(text)

    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_what_repeats_itself_without_end_costs_nothing() -> None:
    """A few lines that stand for billions of values: they are shared, and nobody walks through them."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]

    status = status_of(YAML + "\n".join(lines))

    assert len(status.pools) == 2


def test_lines_that_look_like_a_status_and_are_none_are_passed_over() -> None:
    text = TEXT.replace("  Name:        ng1\n", "  Name:\n  Name:        ng1\n  Health:      (\n  Nome: x\n")

    assert [pool.name for pool in status_of(text).pools] == ["work-default-eks-spot1", "ng1"]
