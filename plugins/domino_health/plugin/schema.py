"""A profile's JSON schema, for editors: ``python -m domino_health.plugin.schema > docs/profile.schema.json``.

Made from the models and the checks. It knows what can be told from a file alone: neither what ``extends``
brings nor what a reference stands for. Names of packs as arguments put their sections and checks into it.
"""

import ast
import inspect
import itertools
import json
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pydantic

from domino_health.plugin.suite import known_checks, load_pack
from domino_health.profile.base import Section
from domino_health.profile.judging import JUDGED_BY, SHIPPED, SeverityName
from domino_health.profile.models import Profile
from domino_health.profile.packs import Pack, model_with
from domino_health.profile.thresholds import spelled
from domino_health.units import spell_duration
from domino_health.vocabulary import CheckSpec, area_of, spec_of, threshold_types

Checks = Mapping[str, Callable[..., Any]]
Schema = dict[str, Any]

_REFERENCE = r"\$\{[^}]+\}"
_FIXED = (*JUDGED_BY, "version", "lab", "extends", "packs", "severities")
"""Keys whose values stand in the profile itself."""


def schema(checks: Checks, packs: Sequence[Pack] = ()) -> Schema:
    """The schema of a profile, draft 7, which editors know best."""
    model = model_with(tuple(packs))
    known = {**checks, **{id: check for pack in packs for id, check in pack.checks.items()}}
    whole = model.model_json_schema()
    sections = {each.__name__: each for each in _models(model)}
    properties = {
        name: _section(name, _plain(each, whole["$defs"], sections))
        for name, each in _told(model, whole)["properties"].items()
    }
    properties["thresholds"] |= {
        "properties": {id: _thresholds(check) for id, check in sorted(known.items())},
        "additionalProperties": {"type": "object"},
    }
    severity = {"enum": list(typing.get_args(SeverityName))}
    properties["severities"] |= {
        "properties": {id: {**severity, "description": _title(check)} for id, check in sorted(known.items())},
        "additionalProperties": severity,
    }
    _suggest(properties, known)
    required = {name: needed for name, each in properties.items() if (needed := _needed(each))}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A profile of domino-health",
        "description": _prose(Profile.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "allOf": [
            # What is left out may be in the profile that it extends, and packs bring sections and checks.
            _unless(["extends"], {"required": whole["required"], "properties": required}),
            _unless(
                ["extends", "packs"],
                {"propertyNames": {"enum": sorted(properties)}, "properties": _ids(known)},
            ),
            {"properties": _areas(known)},
        ],
    }


def _needed(section: Schema) -> Schema:
    """Which of its keys must be there, taken out of a section's schema."""
    words = [word for word in ("required", "anyOf") if word in section and section.get("type") == "object"]
    return {word: section.pop(word) for word in words}


def _unless(keys: Sequence[str], then: Schema) -> Schema:
    return {"if": {"anyOf": [{"required": [key]} for key in keys]}, "else": then}


def _models(model: Any) -> Iterator[type[Section]]:
    """A model, and all that its fields are made of."""
    if isinstance(model, type) and issubclass(model, Section):
        yield model
        for field in model.model_fields.values():
            yield from _models(field.annotation)
            for each in field.metadata:
                yield from _models(getattr(each, "json_schema_input_type", None))
    for argument in typing.get_args(model):
        yield from _models(argument)


def _told(model: type[Section], given: Schema) -> Schema:
    """The schema of a model, each key with what its docstring says and its default as a profile writes it."""
    docstrings = dict(pair for each in reversed(model.__mro__) for pair in _docstrings(each))
    told = {**given, "properties": {}}
    told.pop("title", None)
    for name, field in model.model_fields.items():
        key = {**given["properties"][name], "description": docstrings.get(name, "")}
        if isinstance(field.default, timedelta):
            key["default"] = spell_duration(field.default)
        if not key["description"]:
            del key["description"]
        told["properties"][name] = key
    return told


def _docstrings(model: type) -> Iterator[tuple[str, str]]:
    """The text below each field, which Python throws away."""
    if not issubclass(model, Section) or "<locals>" in model.__qualname__:
        return
    try:
        source = inspect.getsource(model)
    except (OSError, TypeError):  # made at run time
        return
    (definition,) = ast.parse(textwrap.dedent(source)).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, below in itertools.pairwise(body):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if is_text and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            yield field.target.id, _prose(str(below.value.value))  # type: ignore[attr-defined]


def _plain(value: Any, definitions: Schema, sections: Mapping[str, type[Section]]) -> Any:
    """Without references to definitions, without null, which a profile cannot say, and without titles."""
    if isinstance(value, list):
        return [_plain(item, definitions, sections) for item in value]
    if not isinstance(value, dict):
        return value
    value = dict(value)
    if reference := value.pop("$ref", ""):
        name = reference.rpartition("/")[2]
        value = {**_told(sections[name], definitions[name]), **value}
    if {"type": "null"} in value.get("anyOf", ()):
        others = [each for each in value.pop("anyOf") if each != {"type": "null"}]
        (inner,) = others
        value = {**inner, **value}
        return _plain(value, definitions, sections)
    if value.get("default", 0) is None:
        del value["default"]
    if isinstance(value.get("title"), str):
        del value["title"]
    if isinstance(value.get("description"), str):
        value["description"] = _prose(value["description"])
    return {key: _plain(item, definitions, sections) for key, item in value.items() if key != "format"}


def _section(name: str, given: Schema) -> Schema:
    return given if name in _FIXED else _with_references(given)


def _with_references(value: Any) -> Any:
    """The same, where a text of a given form may come from a reference."""
    if isinstance(value, list):
        return [_with_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _with_references(item) for key, item in value.items()}
    pattern = value.get("pattern")
    if (
        isinstance(pattern, str)
        and "string" in value.get("type", ())  # a list where a number will do as well
        and "not" not in value
        and pattern != _REFERENCE
    ):
        value["pattern"] = f"{pattern}|{_REFERENCE}"
    return value


def _thresholds(check: Callable[..., Any]) -> Schema:
    """The thresholds of a check, by name."""
    spec, types = _spec(check), threshold_types(check)
    defaults = spelled({}, {spec.id: check}).get(spec.id, {})
    return {
        "type": "object",
        "description": _title(check),
        "properties": {
            name: {
                **pydantic.TypeAdapter(types[name]).json_schema(),
                "default": default,
                "description": _about(name, spec),
            }
            for name, default in defaults.items()
        },
        "additionalProperties": False,
    }


def _about(threshold: str, spec: CheckSpec) -> str:
    """What the check's docstring says of a threshold."""
    sentences = re.split(r"(?<=\.)\s+", " ".join(f"{spec.title} {spec.rationale}".split()))
    return _prose(next((each for each in sentences if f"``{threshold}``" in each), spec.title))


def _ids(known: Checks) -> Schema:
    """Keys that are ids, where no pack brings others."""
    ids = {"propertyNames": {"enum": sorted(known)}}
    return {"thresholds": ids, "severities": ids}


def _areas(known: Checks) -> Schema:
    """Keys that are ids, whatever packs bring: no pack has a check of an area that is the suite's."""
    areas = "|".join(sorted({area_of(id) for id in known}))
    others = {"pattern": f"^(?!({areas})-)[A-Z][A-Z0-9]*-[0-9]{{3}}$"}
    ids = {"propertyNames": {"anyOf": [{"enum": sorted(known)}, others]}}
    return {"thresholds": ids, "severities": ids}


def _suggest(properties: Schema, known: Checks) -> None:
    """Offer ids where any text may stand, for a waiver's check, and hold what a gate requires to its form."""
    check = properties["waivers"]["items"]["properties"]["check"]
    check["examples"] = sorted(known)
    areas = {area_of(id) for id in known}
    shipped = {wanted for gate in SHIPPED.values() for wanted in gate.requires}
    own = "|".join(sorted(areas))
    properties["gates"]["additionalProperties"]["properties"]["requires"] |= {
        "items": {
            "anyOf": [
                {"enum": sorted({*areas, *known, *shipped})},
                {"type": "string", "pattern": f"^(?!({own})(-|$))[A-Z][A-Z0-9]*(-[0-9]{{3}})?$"},
            ]
        },
        "uniqueItems": True,
    }


def _title(check: Callable[..., Any]) -> str:
    return _prose(_spec(check).title)


def _spec(check: Callable[..., Any]) -> CheckSpec:
    spec = spec_of(check)
    assert spec is not None, "a known check has a specification"
    return spec


def _prose(docstring: str) -> str:
    """A docstring as editors show it: paragraphs without line breaks, code in single backticks."""
    paragraphs = inspect.cleandoc(docstring).replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def text(checks: Checks, packs: Sequence[Pack] = ()) -> str:
    """The same as a file has it."""
    return json.dumps(schema(checks, packs), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(known_checks(), [load_pack(name) for name in sys.argv[1:]]), end="")
