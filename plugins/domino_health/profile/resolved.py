"""The profile as it was used: every final value, defaults included, references kept as references."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pydantic
import yaml

from domino_health.profile.document import Loc
from domino_health.profile.models import Profile
from domino_health.vocabulary import spec_of, threshold_types


def spell_out(
    profile: Profile,
    raw: Any,
    referenced: Collection[Loc],
    checks: Mapping[str, Callable[..., Any]],
    thresholds: Mapping[str, Mapping[str, Any]],
) -> str:
    """YAML of the profile, with the thresholds of every known check.

    Args:
        profile: the validated profile.
        raw: the document before references were resolved.
        referenced: where references stood.
        checks: all known checks by id.
        thresholds: what the profile sets, typed.
    """
    data = profile.model_dump(mode="json", exclude={"thresholds"}, exclude_none=True)
    for loc in referenced:
        _put_back(data, raw, loc)
    data["thresholds"] = {
        id: spelled
        for id, check in sorted(checks.items())
        if (spelled := _spell(check, thresholds.get(id, {})))
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _spell(check: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    spec = spec_of(check)
    assert spec is not None, "a known check has a specification"
    types = threshold_types(check)
    return {
        name: pydantic.TypeAdapter(types[name]).dump_python(given.get(name, default), mode="json")
        for name, default in spec.thresholds.items()
    }


def _put_back(data: Any, raw: Any, loc: Loc) -> None:
    """Set the reference as it was written. A short form became a mapping; the redactor masks there."""
    *parents, last = loc
    try:
        for part in parents:
            data, raw = data[part], raw[part]
        if isinstance(data[last], str):
            data[last] = raw[last]
    except (KeyError, IndexError, TypeError):
        return
