"""Calls one check with its facts and thresholds, and judges what it returns."""

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domino_health.facts.observed import Observed
from domino_health.gate import Gate, Result, State, could_not_look, describe, judge
from domino_health.units import spell_duration
from domino_health.vocabulary import Assessment, CheckSpec, spec_of


def spec_of_item(item: pytest.Item) -> CheckSpec | None:
    """What ``@check`` said of the item's function, or None."""
    return spec_of(getattr(item, "obj", None))


def evaluate(item: pytest.Function, given: Mapping[str, Any], gate: Gate) -> Result:
    """The result of a check: it is called only when there is something that it can judge.

    Args:
        item: the check, its fixtures set up.
        given: the thresholds that the profile sets.
        gate: what closes it.

    Raises:
        Exception: whatever the check raises.
    """
    spec = spec_of_item(item)
    assert spec is not None, "only checks are evaluated"
    thresholds = {**spec.thresholds, **given}
    arguments = {name: item.funcargs[name] for name in spec.facts}
    facts = {name: value for name, value in arguments.items() if isinstance(value, Observed)}
    optional = {name for name in facts if _optional(item.function, name)}

    result = _unjudged(spec, {name: fact for name, fact in facts.items() if name not in optional}, gate)
    if result is None:
        # What an optional fact could not see is in the verdict: it explains, and decides nothing.
        unseen = [target for name, fact in facts.items() if name not in optional for target in fact.unseen]
        answers = "unseen" in arguments
        for name, fact in facts.items():
            arguments[name] = None if name in optional and fact.blind else fact.objects
        if answers:
            arguments["unseen"] = unseen
        returned = item.obj(**arguments, **thresholds)
        # A check that was to answer for dead targets and says nothing of any has forgotten them.
        answered = answers and isinstance(returned, Assessment) and (returned.findings or returned.unseen)
        result = judge(spec, returned, () if answered else unseen, gate)
    return replace(result, thresholds={name: _spell(value) for name, value in thresholds.items()})


def _unjudged(spec: CheckSpec, facts: Mapping[str, Observed], gate: Gate) -> Result | None:
    """The result when a fact that the check cannot do without is absent, or nothing of it was seen."""
    for fact in facts.values():
        if fact.absent:
            return describe(spec, State.SKIPPED, fact.absent)
    if "unseen" in spec.facts:
        return None
    if any(fact.blind for fact in facts.values()):
        return could_not_look(spec, [target for fact in facts.values() for target in fact.unseen], gate)
    return None


def _optional(function: Any, name: str) -> bool:
    """Whether the check can do without: its parameter's annotation allows None."""
    annotation = typing.get_type_hints(function).get(name)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return type(None) in typing.get_args(annotation)
    return False


def _spell(value: Any) -> str:
    return spell_duration(value) if isinstance(value, timedelta) else json.dumps(value, default=str)


def wire(result: Result) -> dict[str, Any]:
    """The result as plain values, which travel on pytest's report, also between processes."""
    plain: dict[str, Any] = msgspec.to_builtins(result)
    return plain


def unwire(plain: dict[str, Any]) -> Result:
    """The result that ``wire`` made plain."""
    return msgspec.convert(plain, Result)
