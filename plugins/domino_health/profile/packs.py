"""``packs``: third parties' checks, with sections of the profile of their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pydantic

from domino_health.profile.base import Section
from domino_health.profile.document import Document
from domino_health.profile.models import Profile
from domino_health.vocabulary import area_of

Check = Callable[..., Any]


class PackError(Exception):
    """A pack that cannot be used, and why."""


@dataclass(frozen=True)
class Pack:
    """One package of checks."""

    name: str
    directory: Path
    """Of the package: pytest collects its modules from there."""
    checks: Mapping[str, Check] = field(default_factory=dict, repr=False)
    sections: Mapping[str, type[Section]] = field(default_factory=dict, repr=False)
    """Name to model of the sections that it adds to the profile."""
    facts: ModuleType = field(default_factory=lambda: ModuleType("conftest"), repr=False)
    """Its ``conftest.py``; an empty module where it has none."""


def load_packs(
    document: Document, checks: Mapping[str, Check], load_pack: Callable[[str], Pack]
) -> tuple[Pack, ...]:
    """The packs that a profile names. Mistakes are in the document's problems."""
    named = document.data.get("packs")
    areas = {area_of(id): "the suite" for id in checks}
    # What every model of pydantic's has beside its fields cannot be the name of one: copy, json.
    sections = dict.fromkeys((*Profile.model_fields, *dir(Profile)), "the suite")
    packs: list[Pack] = []
    for index, name in enumerate(named if isinstance(named, list) else ()):
        if not isinstance(name, str) or name in [pack.name for pack in packs]:
            continue  # told of by the model
        loc = ("packs", index)
        if loc in document.references:
            document.complain(loc, "must not come from a reference; write the package's name itself")
            continue
        try:
            pack = load_pack(name)
        except PackError as error:
            document.complain(loc, str(error))
            continue
        packs.append(pack)
        first = {area_of(id): id for id in sorted(pack.checks, reverse=True)}
        for area, id in sorted(first.items()):
            if areas.setdefault(area, name) != name:
                document.complain(
                    loc,
                    f"{id} of {name}: area {area} is {areas[area]}'s; give its checks a prefix of their own",
                )
        for section in pack.sections:
            if sections.setdefault(section, name) != name:
                document.complain(
                    loc, f"section {section} of {name} is {sections[section]}'s; give it another name"
                )
    return tuple(packs)


def model_with(packs: tuple[Pack, ...]) -> type[Profile]:
    """The profile's model, with the sections of packs."""
    sections: dict[str, Any] = {
        name: (model | None, None) for pack in packs for name, model in pack.sections.items()
    }
    if not sections:
        return Profile
    return pydantic.create_model("Profile", __base__=Profile, **sections)
