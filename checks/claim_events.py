"""What Kubernetes and storage drivers say of a claim, and what of it tells why it has no volume."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from domino_health import Event

Key = tuple[str, str, str]
"""Cluster, namespace and name of a claim."""
CAUSES = ("ProvisioningFailed", "FailedBinding", "VolumeMismatch", "ExternalProvisioning", "Provisioning")
"""Reasons of events that tell why, the most telling first. The last two only say for whom it waits."""
BEGUN = ("ProvisioningFailed", "ExternalProvisioning", "Provisioning")
"""Reasons by which somebody has begun to make a volume."""
RESIZING = "VolumeResizeFailed"
_NAMES = re.compile(r'"[^"]*"|[\w./:-]*\d[\w./:-]*')
_WORDS = 300
"""Characters of an event that are quoted."""


def of_claims(made: Mapping[Key, datetime | None], events: Iterable[Event]) -> Mapping[Key, Sequence[Event]]:
    """What was said of each of these claims, in the events' order.

    Args:
        made: each claim, and when it was made, where that is known: what was said before is of a namesake.
        events: of all kinds of objects.
    """
    told: dict[Key, list[Event]] = {key: [] for key in made}
    for event in events if made else ():
        about = event.involved_object
        key = event.cluster, about.namespace, about.name
        if about.kind == "PersistentVolumeClaim" and key in told:
            since, said = made[key], event.metadata.creation_timestamp
            if since is None or said is None or said >= since:
                told[key].append(event)
    return told


def cause(told: Iterable[Event], reasons: Sequence[str] = CAUSES) -> Event | None:
    """The last event of the most telling reason that there is."""
    known = [(-reasons.index(each.reason), each.when, each) for each in told if each.reason in reasons]
    dated = [(rank, when, each) for rank, when, each in known if when is not None]
    return max(dated, key=lambda each: each[:2])[-1] if dated else None


def quote(event: Event) -> str:
    """Its words, after its reason and who says so: ``ProvisioningFailed of ebs.csi.aws.com: no room``.

    A driver signs with its pod's name and an id as well, which change and are left out.
    """
    words = " ".join(event.message.split())[:_WORDS]
    by = event.reporter.split("_", 1)[0]
    return f"{event.reason}{f' of {by}' if by else ''}: {words}"


def explained(event: Event | None, *, heard: bool) -> str:
    """Its words; where there is none, whether events could be seen at all."""
    if event:
        return quote(event)
    return f"Cause not observed: {'no event of it is kept' if heard else 'events could not be seen'}"


def gist(event: Event) -> str:
    """Its words without names and numbers, by which claims of the same cause are told."""
    return f"{event.reason} {_NAMES.sub('', event.message)}"
