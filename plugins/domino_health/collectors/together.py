"""Several listings that are one target: kinds of one operator, or one kind of several API groups."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from domino_health.collectors.looking import CollectionError, Deadline, NotInstalledError, Target
from domino_health.facts.observed import Outcome

Say = Callable[[str], None]


def read_together(
    targets: Mapping[str, Target[Any]], mark: str, absent: str, deadline: Deadline, say: Say
) -> list[Any]:
    """What all of them have; where one is refused, the others count.

    Args:
        targets: of listings, by what tells their objects apart.
        mark: the field of an object that takes this.
        absent: what it means that none of them is there.
        deadline: for all of them.
        say: takes how far it has come.

    Raises:
        NotInstalledError: none of them is there.
        CollectionError: one or more could not be read; with what the others have.
    """
    found: list[Any] = []
    refused: list[CollectionError] = []
    missing = 0
    for value, target in targets.items():
        try:
            found += _marked(target.look(deadline, say), mark, value)
        except NotInstalledError:
            missing += 1
        except CollectionError as error:
            found += _marked(error.seen, mark, value)
            refused.append(error)
    if missing == len(targets):
        raise NotInstalledError(absent)
    if refused:
        whole = len(refused) + missing == len(targets) and not found
        raise CollectionError(
            "; ".join(error.reason for error in refused),
            "; ".join(dict.fromkeys(error.cure for error in refused)),
            refused[0].outcome if whole else Outcome.TRUNCATED,
            found,
        )
    return found


def _marked(things: Any, mark: str, value: str) -> Any:
    for each in things:
        msgspec.structs.force_setattr(each, mark, value)  # nobody else has seen it yet
    return things
