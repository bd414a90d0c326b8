"""What nodes use now, as ``kubectl top nodes`` shows it."""

from collections.abc import Mapping

from domino_health.facts.api import Kubernetes, ListMeta, Moment


class MetricsMeta(Kubernetes, frozen=True):
    """``metadata`` of a node's metrics."""

    name: str


class NodeMetrics(Kubernetes, frozen=True):
    """What one node uses, over the last window (mostly half a minute)."""

    metadata: MetricsMeta
    timestamp: Moment | None = None
    window: str = ""
    """As Go writes a duration: ``20.05s``."""
    usage: Mapping[str, str] = {}
    """``cpu`` and ``memory``, the latter without what the kernel would give back (its working set)."""
    cluster: str = ""


class NodeMetricsList(Kubernetes, frozen=True):
    """A page of metrics."""

    metadata: ListMeta
    items: list[NodeMetrics]
