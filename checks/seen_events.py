"""What events tell, and how far back they go: they live an hour by default."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domino_health import Event, age


def since(event: Event, now: datetime) -> timedelta:
    """How long ago it was last seen."""
    return max(now - event.when, timedelta(0)) if event.when else timedelta(0)


def window(events: Sequence[Event] | None, now: datetime) -> str:
    """The time that was seen: ``events of the last 52 m``."""
    if events is None:
        return "no events could be seen"
    seen = [now - event.when for event in events if event.when]
    return f"events of the last {age(max(seen))}" if seen else "no event is kept"
