"""A profile's data held against the models; mistakes in words for those who know YAML and not Python."""

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pydantic
from pydantic_core import ErrorDetails

from domino_health.profile.base import Section
from domino_health.profile.document import Document, Loc
from domino_health.profile.errors import did_you_mean, nearest, reworded

Model = TypeVar("Model", bound=Section)


def validated(document: Document, model: type[Model]) -> Model | None:
    """The model's object; None when there are mistakes, which are in the document's problems then."""
    try:
        return model.model_validate(document.data, context={"directory": document.source.parent.absolute()})
    except pydantic.ValidationError as error:
        for mistake in _one_each(document, error.errors(include_url=False), model):
            _complain(document, mistake, model)
        return None


def _one_each(
    document: Document, mistakes: Sequence[ErrorDetails], model: type[Section]
) -> list[ErrorDetails]:
    """Without what follows from another mistake."""
    unknown = [each["loc"] for each in mistakes if each["type"] == "extra_forbidden"]
    # With `adress` told, and that address was meant, it is not told as missing too.
    meant = {(*loc[:-1], nearest(str(loc[-1]), _model_at(loc[:-1], model).model_fields)) for loc in unknown}
    return [
        each
        for each in mistakes
        if each["loc"] in unknown
        or not (document.is_told(each["loc"]) or (each["type"] == "missing" and each["loc"] in meant))
    ]


def _complain(document: Document, mistake: ErrorDetails, model: type[Section]) -> None:
    loc: Loc = mistake["loc"]
    if mistake["type"] == "extra_forbidden":
        hint = did_you_mean(str(loc[-1]), _model_at(loc[:-1], model).model_fields)
        document.complain_instead(loc, f"unknown key{hint}")
    elif mistake["type"] == "missing":
        document.complain(loc[:-1], f"{loc[-1]} is missing")
    elif mistake["type"] == "twice":
        _complain_of_doubles(document, loc, mistake["ctx"]["again"])
    elif mistake["type"] == "model_type":
        sample = _model_at(loc, model).sample
        document.complain(loc, reworded(mistake) + (f", such as `{sample}`" if sample else ""))
    else:
        document.complain(loc, reworded(mistake))


def _complain_of_doubles(document: Document, loc: Loc, again: Mapping[int, tuple[str, int]]) -> None:
    for index, (name, first) in again.items():
        source, line = document.place((*loc, first))
        where = f"on line {line}" if source == document.place((*loc, index))[0] else f"at {source}:{line}"
        document.complain(
            (*loc, index),
            f"two are called {name}, the first {where}; keep one, or give them different names",
        )


def _model_at(loc: Loc, model: type[Section]) -> type[Section]:
    for part in loc:
        if isinstance(part, str) and part in model.model_fields:  # else it is a name: gates.upgrade
            model = next(_models(model.model_fields[part].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[Section]]:
    """The models inside of ``Annotated[tuple[Model, ...], Many] | None`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
