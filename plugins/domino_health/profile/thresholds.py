"""Section ``thresholds``: held against what each check says of its own."""

from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from domino_health.profile.document import Document, Loc
from domino_health.profile.errors import did_you_mean, reworded
from domino_health.vocabulary import CheckSpec, spec_of, threshold_types

Check = Callable[..., Any]


def typed(document: Document, checks: Mapping[str, Check]) -> dict[str, dict[str, Any]]:
    """Check id to the thresholds that the document sets, each of the type that its check gives it.

    Mistakes are in the document's problems; what they befall is None.
    """
    given = document.data.get("thresholds")
    thresholds: dict[str, dict[str, Any]] = {}
    for id, values in given.items() if isinstance(given, dict) else ():
        loc: Loc = ("thresholds", id)
        if id not in checks:
            document.complain_instead(loc, f"no such check{did_you_mean(id, checks)}")
        elif isinstance(values, dict):
            spec, types = _spec(checks[id]), threshold_types(checks[id])
            thresholds[id] = {
                name: _value(document, (*loc, name), spec, types.get(name), value)
                for name, value in values.items()
            }
    return thresholds


def spelled(
    thresholds: Mapping[str, Mapping[str, Any]], checks: Mapping[str, Check]
) -> dict[str, dict[str, Any]]:
    """Every threshold of every check, as a profile writes it: what is set, or else the default."""
    spelled = {}
    for id, check in sorted(checks.items()):
        given, types = thresholds.get(id, {}), threshold_types(check)
        spelled[id] = {
            name: pydantic.TypeAdapter(types[name]).dump_python(given.get(name, default), mode="json")
            for name, default in _spec(check).thresholds.items()
        }
    return {id: values for id, values in spelled.items() if values}


def _value(document: Document, loc: Loc, spec: CheckSpec, type: Any, value: Any) -> Any:
    name = str(loc[-1])
    if name not in spec.thresholds:
        hint = did_you_mean(name, spec.thresholds)
        document.complain_instead(loc, f"{spec.id} has no such threshold{hint}")
        return None
    try:
        return pydantic.TypeAdapter(type).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        for mistake in error.errors(include_url=False):
            at = (*loc, *mistake["loc"])
            if not document.is_told(at):
                document.complain(at, reworded(mistake))
        return None


def _spec(check: Check) -> CheckSpec:
    spec = spec_of(check)
    assert spec is not None, "a known check has a specification"
    return spec
