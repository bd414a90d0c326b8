"""Quantities as people write them (``10m``, ``10GiB``, ``80%``) and as they read them (``4 m 12 s``)."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

import pydantic

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_LONGEST = timedelta(days=36500)


def parse_duration(value: object) -> timedelta:
    """A ``timedelta`` from ``10m``, ``1h30m`` or ``7d`` (ms, s, m, h, d, w), to the millisecond.

    A bare number is refused: nobody can tell whether ``600`` means seconds or minutes.

    Raises:
        ValueError: not a duration, negative, or longer than a century.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip() if isinstance(value, str) else ""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(
            f"not a duration: {value!r}; write a number with a unit, such as 90s, 10m, 1h30m or 7d"
        )
    try:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        duration = timedelta(milliseconds=round(seconds * 1000))
    except OverflowError:
        duration = timedelta.max
    if duration > _LONGEST:
        raise ValueError(f"longer than a century: {value!r}")
    return duration


def spell_duration(duration: timedelta) -> str:
    """A duration as a profile writes it: ``10m``, ``1h30m``, ``250ms``."""
    milliseconds = round(duration.total_seconds() * 1000)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        number, milliseconds = divmod(milliseconds, round(_UNITS[unit] * 1000))
        text += f"{number}{unit}" if number else ""
    return text or "0s"


_BYTES = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGTP", 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGTP", 1)},
}
_SIZE = re.compile(rf"([0-9]+(?:\.[0-9]+)?) ?({'|'.join(_BYTES)})")
_LARGEST = 1 << 60
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_MOST_PERCENT = 100_000


def parse_size(value: object) -> int:
    """Bytes from ``10GiB`` (KiB, MiB, GiB, TiB, PiB: powers of 1024) or ``10GB`` (powers of 1000).

    A bare number is refused, and so are ``10G`` and ``10Gi``: they mean one thing to Kubernetes and
    another to most tools.

    Raises:
        ValueError: not a size, or more than 1024 PiB.
    """
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"not a size: {value!r}; write a number with a unit, such as 500MiB, 10GiB or 1TB")
    size = round(float(match[1]) * _BYTES[match[2]]) if len(match[1]) < 40 else _LARGEST + 1
    if size > _LARGEST:
        raise ValueError(f"more than 1024PiB: {value!r}")
    return size


def spell_size(size: int) -> str:
    """Bytes as a profile writes them, in the largest unit that says it exactly: ``10GiB``, ``1500MB``."""
    units = sorted(_BYTES.items(), key=lambda unit: -unit[1])
    unit, factor = next(
        (name, factor) for name, factor in units if (size % factor == 0 and size >= factor) or factor == 1
    )
    return f"{size // factor}{unit}"


def parse_percentage(value: object) -> float:
    """A ratio, 0.8, from ``80%``. More than 100 % is for what can be more: overcommitment.

    A bare number is refused: nobody can tell whether ``0.8`` is most of something or next to nothing.

    Raises:
        ValueError: not a percentage.
    """
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > _MOST_PERCENT:
        raise ValueError(f"not a percentage: {value!r}; write it with its sign, such as 80% or 99.9%")
    return float(f"{match[1]}e-2")


def spell_percentage(ratio: float) -> str:
    """A ratio as a profile writes it: ``80%``. It reads back as the very same."""
    return f"{Decimal(repr(ratio)).scaleb(2).normalize():f}%"


Duration = Annotated[
    timedelta,
    pydantic.BeforeValidator(parse_duration),
    pydantic.PlainSerializer(spell_duration, when_used="json"),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"}),
]
"""A threshold or deadline in time. In a profile: ``10m``; in code: ``timedelta(minutes=10)``."""

Size = Annotated[
    int,
    pydantic.BeforeValidator(parse_size),
    pydantic.PlainSerializer(spell_size, when_used="json"),
    pydantic.WithJsonSchema({"type": "string", "pattern": rf"^[0-9]+(\.[0-9]+)? ?({'|'.join(_BYTES)})$"}),
]
"""A threshold in bytes. In a profile: ``10GiB``; in code: ``10 << 30``."""

Percentage = Annotated[
    float,
    pydantic.BeforeValidator(parse_percentage),
    pydantic.PlainSerializer(spell_percentage, when_used="json"),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$"}),
]
"""A threshold that is a part of a whole. In a profile: ``80%``; in code: ``0.8``."""


def parse_patterns(value: object) -> tuple[str, ...]:
    """Shell patterns (``*``, ``?``, ``[…]``) from a list of texts.

    Raises:
        ValueError: not a list, or one of it is not a text or blank.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"not a list of patterns: {value!r}; write [registry.example.com/*]")
    if not all(map(str.strip, value)):
        raise ValueError("a pattern is blank; remove it")
    return tuple(value)


Patterns = Annotated[
    tuple[str, ...],
    pydantic.BeforeValidator(parse_patterns),
    pydantic.PlainSerializer(list, when_used="json"),
    pydantic.WithJsonSchema({"type": "array", "items": {"type": "string", "minLength": 1}}),
]
"""A threshold that is a list of names. In a profile: ``[registry.example.com/*]``; in code a tuple."""


def age(duration: timedelta) -> str:
    """A duration for people, in its two largest units: ``4 m 12 s``, ``29 d 3 h``, ``0.2 s``."""
    seconds = abs(duration.total_seconds())
    if duration < timedelta(0) and round(seconds, 1):
        return f"-{age(timedelta(seconds=seconds))}"
    if seconds < 10:
        return f"{round(seconds, 1):g} s"
    total = int(seconds)
    parts = [
        (total // 86400, "d"),
        (total % 86400 // 3600, "h"),
        (total % 3600 // 60, "m"),
        (total % 60, "s"),
    ]
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def size(number: int) -> str:
    """Bytes for people: ``12.4 GiB``, ``512 B``."""
    value, units = float(number), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while abs(value) >= 1023.95 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{number} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def percent(ratio: float) -> str:
    """A ratio for people: ``83 %``; to a tenth below one per cent and above 99, where it matters."""
    value = ratio * 100
    close = 0 < abs(value) < 1 or 99 < abs(value) < 100
    return f"{value:.1f} %" if close else f"{value:.0f} %"
