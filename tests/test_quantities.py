"""Kubernetes' quantities as numbers, and what a pod asks for in all."""

import pytest
from kubernetes.utils.quantity import parse_quantity

from domino_health.facts.kubernetes import PodSpec
from domino_health.facts.quantities import amount, quantity
from domino_health.facts.resources import Container, Resources, total

WRITTEN = ["0", "1", "7910m", "1.5", ".5", "2.", "4Gi", "128Mi", "1Ki", "3Ti", "1Pi", "1Ei"]
WRITTEN += ["2k", "5M", "7G", "1T", "1P", "1E", "1e3", "1E3", "12e-1", "+5", "-5", "200u", "123456789n"]


def container(name: str = "main", always: bool = False, **asked: str) -> Container:
    """A container that asks for this."""
    return Container(name, "", Resources(requests=asked), "Always" if always else "")


@pytest.mark.parametrize("text", WRITTEN)
def test_a_quantity_is_read_as_kubernetes_own_client_reads_it_and_rounded_up_to_a_thousandth(
    text: str,
) -> None:
    exact = parse_quantity(text) * 1000

    assert exact <= quantity(text) < exact + 1


def test_the_smallest_that_is_something_is_not_nothing() -> None:
    assert quantity("1n") == 1
    assert quantity("0n") == 0


@pytest.mark.parametrize("text", ["", " ", "4 Gi", "4gi", "Gi", "1e", "1e3Gi", "0x10", "½", "1" * 65, "NaN"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("resource", "text", "read"),
    [
        ("cpu", "7910m", "7.91"),
        ("cpu", "2", "2"),
        ("requests.cpu", "100", "100"),
        ("memory", "30Gi", "30.0 GiB"),
        ("limits.memory", "1500Mi", "1.5 GiB"),
        ("ephemeral-storage", "1Ki", "1.0 KiB"),
        ("hugepages-2Mi", "4Mi", "4.0 MiB"),
        ("requests.storage", "1Gi", "1.0 GiB"),
        ("nvidia.com/gpu", "1", "1"),
        ("pods", "200", "200"),
        ("count/pods", "0", "0"),
    ],
)
def test_an_amount_is_written_for_people(resource: str, text: str, read: str) -> None:
    assert amount(resource, quantity(text)) == read


def test_containers_ask_for_their_sum() -> None:
    asked = total("requests", [container(cpu="500m", memory="1Gi"), container(cpu="1")])

    assert asked == {"cpu": 1500, "memory": 1024**3 * 1000}


def test_a_start_that_asks_for_more_than_the_rest_decides() -> None:
    start = [container(cpu="2"), container(cpu="1", memory="1Gi")]

    assert total("requests", [container(cpu="500m")], start) == {"cpu": 2000, "memory": 1024**3 * 1000}


def test_a_start_that_asks_for_just_as_much_adds_nothing() -> None:
    assert total("requests", [container(cpu="2")], [container(cpu="2")]) == {"cpu": 2000}


def test_side_cars_add_up_with_containers_and_with_each_step_after_them() -> None:
    side_car = container("proxy", always=True, cpu="1")

    assert total("requests", [container(cpu="1")], [side_car]) == {"cpu": 2000}
    assert total("requests", [container(cpu="1")], [side_car, container(cpu="3")]) == {"cpu": 4000}
    assert total("requests", [container(cpu="1")], [container(cpu="3"), side_car]) == {"cpu": 3000}


def test_a_pods_own_word_stands_for_its_containers_and_its_runtime_adds_to_it() -> None:
    asked = total("requests", [container(cpu="1", memory="1Gi")], (), {"cpu": "250m"}, {"cpu": "4"})

    assert asked == {"cpu": 4250, "memory": 1024**3 * 1000}


def test_what_a_runtime_adds_is_no_limit_where_there_was_none() -> None:
    limited = Container("a", "", Resources(limits={"cpu": "1"}))

    assert total("limits", [limited, container(cpu="2")], (), {"cpu": "250m", "memory": "1Mi"}) == {
        "cpu": 1250
    }


def test_a_pod_without_containers_asks_for_nothing() -> None:
    assert total("requests", PodSpec().containers) == {}
