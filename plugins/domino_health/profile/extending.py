"""``extends``: what one profile takes from another one, with the place of each value kept."""

from pathlib import Path
from typing import Any

from domino_health.profile.document import Document, Loc
from domino_health.profile.references import Inherited


def extended(own: Document, base: Document, directory: Path) -> None:
    """Fill into ``own`` what it leaves out, of ``base``, which stands in ``directory``.

    It comes before references are resolved: what is replaced need not be set.

    Keys are merged, at any depth; a list or a value of its own takes the whole place of the other one.
    """
    own.problems += base.problems
    own.data = _merged(own, base, own.data, base.data, (), directory)


def _merged(own: Document, base: Document, given: Any, inherited: Any, loc: Loc, directory: Path) -> Any:
    if not (isinstance(given, dict) and isinstance(inherited, dict)):
        return given
    result = {}
    for key in (*inherited, *(key for key in given if key not in inherited)):
        at = (*loc, key)
        if key not in given:
            result[key] = _taken(own, base, inherited[key], at, directory)
        elif key not in inherited:
            result[key] = given[key]
        else:
            result[key] = _merged(own, base, given[key], inherited[key], at, directory)
    return result


def _taken(own: Document, base: Document, value: Any, loc: Loc, directory: Path) -> Any:
    if loc in base.lines:
        own.lines[loc] = base.lines[loc]
        own.sources[loc] = base.sources.get(loc, base.source)
    if loc in base.told:
        own.told[loc] = base.told[loc]
    if isinstance(value, dict):
        return {key: _taken(own, base, item, (*loc, key), directory) for key, item in value.items()}
    if isinstance(value, list):
        return [_taken(own, base, item, (*loc, index), directory) for index, item in enumerate(value)]
    return Inherited(value, directory) if isinstance(value, str) else value
