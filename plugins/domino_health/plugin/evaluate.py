"""Calls one check with its facts and thresholds, and judges what it returns."""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import pydantic
import pytest

from domino_health.facts.observed import Observed
from domino_health.results import Result, State, could_not_look, describe, judge
from domino_health.rules import Rules
from domino_health.vocabulary import Assessment, CheckSpec, Unseen, spec_of, threshold_types


@dataclass(frozen=True)
class Gathered:
    """What one check may rest on."""

    facts: Mapping[str, Observed]
    """All that it asks for, itself or through its fixtures, but the clock, unless it asks for that itself."""
    now: datetime
    """When gathering began, UTC, by the first cluster's clock where there is one, else by ours."""


def spec_of_item(item: pytest.Item) -> CheckSpec | None:
    """What ``@check`` said of the item's function, or None."""
    return spec_of(getattr(item, "obj", None))


def evaluate(item: pytest.Function, gathered: Gathered, given: Mapping[str, Any], rules: Rules) -> Result:
    """The result of a check: it is called only when there is something that it can judge.

    Args:
        item: the check, its fixtures set up.
        gathered: what was seen, and when.
        given: the thresholds that the profile sets.
        rules: by what it is judged.

    Raises:
        Exception: whatever the check raises.
    """
    spec = spec_of_item(item)
    assert spec is not None, "only checks are evaluated"
    thresholds = {**spec.thresholds, **given}
    arguments = {name: item.funcargs[name] for name in spec.facts}
    judged_by = decisive(item, gathered)

    result = _unjudged(spec, judged_by, rules)
    if result is None:
        # What an optional fact could not see is in the verdict: it explains, and decides nothing.
        unseen = [target for fact in judged_by.values() for target in fact.unseen]
        for name, fact in arguments.items():
            if isinstance(fact, Observed):
                arguments[name] = None if name not in judged_by and fact.blind else fact.objects
        # Ours, whatever a project's own fixtures of these names say. A copy, whatever the check does to it.
        ours = {"now": gathered.now, "unseen": list(unseen)}
        arguments |= {name: value for name, value in ours.items() if name in arguments}
        returned = item.obj(**arguments, **thresholds)
        if "unseen" in arguments:
            unseen = list(_unanswered(returned, unseen))
        result = judge(spec, returned, unseen, rules)
    return replace(result, thresholds=_spelled(item.function, thresholds))


def decisive(item: pytest.Function, gathered: Gathered) -> Mapping[str, Observed]:
    """The facts that a check cannot do without, those that it gets through a fixture among them.

    None of their dead targets must be forgotten.
    """
    through = {
        name for each in item._fixtureinfo.name2fixturedefs.values() for one in each for name in one.argnames
    }
    return {
        name: fact
        for name, fact in gathered.facts.items()
        if name in through or not _optional(item.function, name)
    }


def blinded(item: pytest.Function, gathered: Gathered, rules: Rules) -> Result | None:
    """The result of a check that skips, or whose fixture does, where some of what it rests on was not seen.

    None where all of it was: then there is nothing to assess, and the check says why.
    """
    spec = spec_of_item(item)
    assert spec is not None, "only checks skip here"
    unseen = [target for fact in decisive(item, gathered).values() for target in fact.unseen]
    return could_not_look(spec, unseen, rules) if unseen else None


def _unanswered(returned: object, unseen: Sequence[Unseen]) -> Sequence[Unseen]:
    """Of the dead targets that a check was to answer for, those that it has forgotten.

    It answers for one by having it in its population, where reachability is what it assesses, or by
    giving it back as unseen.
    """
    if not isinstance(returned, Assessment):
        return unseen
    answered = {thing for thing in (*returned.population, *returned.unseen) if isinstance(thing, Unseen)}
    return [target for target in unseen if target not in answered]


def _unjudged(spec: CheckSpec, facts: Mapping[str, Observed], rules: Rules) -> Result | None:
    """The result when a fact that the check cannot do without is absent, or nothing of it was seen."""
    for fact in facts.values():
        if fact.absent:
            return describe(rules.weighed(spec), State.SKIPPED, fact.absent)
    if "unseen" in spec.facts:
        return None
    if any(fact.blind for fact in facts.values()):
        return could_not_look(spec, [target for fact in facts.values() for target in fact.unseen], rules)
    return None


def _optional(function: Any, name: str) -> bool:
    """Whether the check can do without: its parameter's annotation allows None."""
    annotation = typing.get_type_hints(function).get(name)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return type(None) in typing.get_args(annotation)
    return False


def _spelled(function: Any, thresholds: Mapping[str, Any]) -> dict[str, str]:
    """As the profile would write them: ``10m``, ``10GiB``, ``80%``."""
    types = threshold_types(function)
    plain = {
        name: pydantic.TypeAdapter(types[name]).dump_python(value, mode="json")
        for name, value in thresholds.items()
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in plain.items()}


def wire(result: Result) -> dict[str, Any]:
    """The result as plain values, which travel on pytest's report, also between processes."""
    plain: dict[str, Any] = msgspec.to_builtins(result)
    return plain


def unwire(plain: dict[str, Any]) -> Result:
    """The result that ``wire`` made plain."""
    return msgspec.convert(plain, Result)
