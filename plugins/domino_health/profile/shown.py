"""``--show-profile``: every final value and where it comes from, in the profile's own form."""

from typing import TYPE_CHECKING, Any

import yaml

from domino_health.profile.document import Loc

if TYPE_CHECKING:
    from domino_health.profile.loader import Loaded


class _OneLine(yaml.SafeDumper):
    """Each scalar on one line, so that a comment can follow it."""


def _scalar(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_OneLine.add_representer(str, _scalar)


def show(loaded: "Loaded") -> str:
    """YAML that loads again as the same profile, with a comment on each value: its line, or default.

    References stay references: no secret is in it.
    """
    lines = list(_lines(yaml.safe_load(loaded.resolved), ()))
    width = min(max((len(text) for text, loc in lines if loc), default=0), 60)
    head = f"# profile {loaded.name}, as it is used; read from {loaded.source}\n"
    return head + "".join(
        f"{text:<{width}}  # {_origin(loaded, loc)}\n" if loc else f"{text}\n" for text, loc in lines
    )


def _lines(value: Any, loc: Loc, indent: str = "", first: str = "") -> Any:
    """Each line of the YAML, and the place of the scalar on it; none for a line that only opens something."""
    if isinstance(value, dict) and value:
        for number, (key, item) in enumerate(value.items()):
            start = first if first and number == 0 else indent
            yield from _entry(f"{start}{_plain(key)}:", item, (*loc, key), indent)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _item(item, (*loc, index), indent)
    else:
        yield f"{first or indent}{_plain(value)}", loc


def _entry(head: str, item: Any, loc: Loc, indent: str) -> Any:
    if isinstance(item, dict | list) and item:
        yield head, None
        yield from _lines(item, loc, indent + "  ")
    else:
        yield f"{head} {_plain(item)}", loc


def _item(item: Any, loc: Loc, indent: str) -> Any:
    yield from _lines(item, loc, indent + "  ", f"{indent}- ")


def _plain(value: Any) -> str:
    """A scalar, or an empty collection, as YAML writes it within a line."""
    text = yaml.dump(value, Dumper=_OneLine, default_flow_style=True, allow_unicode=True, width=1 << 30)
    return text.removesuffix("\n").removesuffix("\n...").removesuffix("\n")


def _origin(loaded: "Loaded", loc: Loc) -> str:
    """The line that it was written on, or ``default``; a short form's values are on its parent's line."""
    at = loc
    while at:
        place = loaded.places.get(at)
        if place is not None:
            return place if at == loc or at in loaded.scalars else "default"
        at = at[:-1]
    return "default"
