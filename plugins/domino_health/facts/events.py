"""What is kept of Kubernetes' events. They live an hour by default: that none is seen proves little."""

from datetime import datetime

from domino_health.facts.api import Kubernetes, ListMeta, Moment
from domino_health.vocabulary import Ref


class EventMeta(Kubernetes, frozen=True):
    """``metadata`` of an event."""

    namespace: str = ""
    creation_timestamp: Moment | None = None


class Involved(Kubernetes, frozen=True):
    """The object that an event is about."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    field_path: str = ""
    """``spec.containers{run}``: which container of a pod."""


class Series(Kubernetes, frozen=True):
    """How often an event was repeated, in the newer of its two forms."""

    count: int = 0
    last_observed_time: Moment | None = None


class Source(Kubernetes, frozen=True):
    """Who reports it, in the older form."""

    component: str = ""
    host: str = ""
    """The node that it reports from."""


class Event(Kubernetes, frozen=True):
    """An event. Evictions and preemptions are of type Normal: both types are kept."""

    metadata: EventMeta
    involved_object: Involved
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int = 0
    first_timestamp: Moment | None = None
    last_timestamp: Moment | None = None
    event_time: Moment | None = None
    series: Series | None = None
    reporting_component: str = ""
    source: Source = Source()
    cluster: str = ""

    @property
    def about(self) -> Ref:
        """The object itself, as reports name it; what it belongs to is told by its pod, if that is there."""
        of = self.involved_object
        return Ref(self.cluster, of.kind.lower(), of.namespace, of.name)

    @property
    def when(self) -> datetime | None:
        """When it was last seen."""
        repeated = self.series.last_observed_time if self.series else None
        return repeated or self.last_timestamp or self.event_time or self.metadata.creation_timestamp

    @property
    def times(self) -> int:
        """How often it was seen: at least once."""
        return max(self.series.count if self.series else 0, self.count, 1)

    @property
    def reporter(self) -> str:
        """Who says so: ``kubelet``, ``default-scheduler``."""
        return self.reporting_component or self.source.component


class EventList(Kubernetes, frozen=True):
    """A page of events."""

    metadata: ListMeta
    items: list[Event]
