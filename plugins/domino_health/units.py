"""Durations as people write them (``10m``) and as they read them (``4 m 12 s``)."""

import re
from datetime import timedelta
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


Duration = Annotated[
    timedelta,
    pydantic.BeforeValidator(parse_duration),
    pydantic.PlainSerializer(spell_duration, when_used="json"),
]
"""A threshold or deadline in time. In a profile: ``10m``; in code: ``timedelta(minutes=10)``."""


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
