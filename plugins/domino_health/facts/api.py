"""What all kinds of Kubernetes objects share.

The fact types have the API's own shape, so that a list decodes straight from the response's bytes, and
``cluster``, which the API does not know, is set by the collector.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone, as every API server sends it: one without cannot be compared to ``now``."""


class Kubernetes(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of the fact types: camelCase on the wire, what is at its default is not written."""


class ListMeta(Kubernetes, frozen=True):
    """``metadata`` of a list: where the next page begins."""

    continue_: str = msgspec.field(name="continue", default="")
    remaining_item_count: int | None = None


class Condition(Kubernetes, frozen=True):
    """One of ``status.conditions``."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: Moment | None = None

    def lasts(self, now: datetime) -> timedelta | None:
        """How long it has been as it is; None where nobody has said since when."""
        return (
            None if self.last_transition_time is None else max(now - self.last_transition_time, timedelta(0))
        )


def condition_of(conditions: Iterable[Condition], type: str) -> Condition | None:
    """The condition of that type, where somebody has set one."""
    return next((each for each in conditions if each.type == type), None)


def lasts(condition: Condition | None, made: datetime, now: datetime) -> timedelta:
    """How long a condition has been as it is; where nobody says so, since its object was made."""
    known = condition.lasts(now) if condition else None
    return max(now - made, timedelta(0)) if known is None else known
