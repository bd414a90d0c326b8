"""Durations, sizes and percentages: as people write them, and as they read them."""

from datetime import timedelta
from typing import Any

import pydantic
import pytest

from domino_health.units import (
    Duration,
    Percentage,
    Size,
    age,
    parse_duration,
    parse_percentage,
    parse_size,
    percent,
    size,
    spell_duration,
    spell_percentage,
    spell_size,
)

CENTURY = timedelta(days=36500)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("250ms", 0.25),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("7d", 604800),
        ("2w", 1209600),
        ("1w1d1h1m1s1ms", 694861.001),
        (" 10m ", 600),
        ("0.5s", 0.5),
        ("100ms", 0.1),
        ("36500d", CENTURY.total_seconds()),
    ],
)
def test_a_number_with_a_unit_is_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        600,
        600.0,
        True,
        None,
        [],
        {},
        b"10m",
        "",
        " ",
        "600",
        "m",
        "10 m",
        "10M",
        "10min",
        "10m,",
        "m10",
        "1h 30m",
        "-5m",
        "+5m",
        "5m-1s",
        "1e3s",
        "1,5h",
        ".5h",
        "5.m",
        "NaNs",
        "infd",
        "10m\n5",
        "\uff11\uff10m",
        "\u0663m",
        "PT10M",
        "00:10:00",
    ],
)
def test_what_has_no_unit_or_another_form_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a duration: .*such as 90s, 10m, 1h30m or 7d"):
        parse_duration(value)


@pytest.mark.parametrize(
    "text", ["36500d1ms", "36501d", "9999999999w", "9" * 400 + "d", "99999999999999999999s"]
)
def test_what_is_longer_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than a century"):
        parse_duration(text)


def test_a_timedelta_is_taken_as_it_is() -> None:
    assert parse_duration(timedelta(minutes=10)) == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=1), "1ms"),
        (timedelta(milliseconds=999), "999ms"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=1), "1d"),
        (timedelta(weeks=1), "7d"),
        (timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5), "1d2h3m4s5ms"),
        (CENTURY, "36500d"),
    ],
)
def test_a_duration_is_spelled_as_a_profile_writes_it_and_reads_back_the_same(
    duration: timedelta, text: str
) -> None:
    assert spell_duration(duration) == text
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["0.4ms", "1.5ms", "0.0001s", "1.23456s", "0.1h", "3.3333333m", "1.7w"])
def test_whatever_can_be_written_reads_back_the_same_once_spelled(text: str) -> None:
    duration = parse_duration(text)

    assert parse_duration(spell_duration(duration)) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (0.2, "0.2 s"),
        (1, "1 s"),
        (9.5, "9.5 s"),
        (9.99, "10 s"),
        (10, "10 s"),
        (10.9, "10 s"),
        (59, "59 s"),
        (59.999, "59 s"),
        (60, "1 m"),
        (61, "1 m 1 s"),
        (252, "4 m 12 s"),
        (3599, "59 m 59 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (3660, "1 h 1 m"),
        (86399, "23 h 59 m"),
        (86400, "1 d"),
        (86460, "1 d"),
        (29 * 86400 + 3 * 3600, "29 d 3 h"),
        (400 * 86400, "400 d"),
        (-0.01, "0 s"),
        (-1, "-1 s"),
        (-252, "-4 m 12 s"),
    ],
)
def test_an_age_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert age(timedelta(seconds=seconds)) == text


def test_the_longest_and_shortest_durations_there_are_can_be_told() -> None:
    assert age(timedelta.max).endswith(" d")
    assert age(timedelta.min).startswith("-")


def test_a_threshold_of_the_type_reads_durations_and_writes_them_back() -> None:
    adapter = pydantic.TypeAdapter[timedelta](Duration)

    assert adapter.validate_python("10m", strict=True) == timedelta(minutes=10)
    assert adapter.dump_python(timedelta(minutes=10), mode="json") == "10m"
    with pytest.raises(pydantic.ValidationError, match="not a duration"):
        adapter.validate_python(600, strict=True)


# Sizes


@pytest.mark.parametrize(
    ("text", "bytes"),
    [
        ("0B", 0),
        ("1B", 1),
        ("10GiB", 10 << 30),
        ("10 GiB", 10 << 30),
        (" 1.5MiB ", 3 << 19),
        ("10GB", 10**10),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("1024PiB", 1 << 60),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, bytes: int) -> None:
    assert parse_size(text) == bytes


@pytest.mark.parametrize(
    "value",
    [10, 1.5, True, None, "", "10", "10G", "10Gi", "GiB", "-1GiB", "1,5GiB", "1e3MiB", "10gib", "10GiB5", []],
)
def test_what_may_mean_two_things_is_no_size(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a size: .*; write a number with a unit, such as 500MiB"):
        parse_size(value)


@pytest.mark.parametrize("text", ["1025PiB", "1" * 30 + "GiB", "9" * 400 + "B"])
def test_a_size_has_an_end(text: str) -> None:
    with pytest.raises(ValueError, match="more than 1024PiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("bytes", "text"),
    [
        (0, "0B"),
        (1, "1B"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (10 << 30, "10GiB"),
        (1_500_000_000, "1500MB"),
        (1001, "1001B"),
    ],
)
def test_a_size_is_spelled_exactly_and_reads_back(bytes: int, text: str) -> None:
    assert spell_size(bytes) == text
    assert parse_size(text) == bytes


@pytest.mark.parametrize(
    ("bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (13_314_398_617, "12.4 GiB"),
        (1 << 60, "1024.0 PiB"),
        ((1 << 30) - 1, "1.0 GiB"),
    ],
)
def test_a_size_for_people_has_one_decimal(bytes: int, text: str) -> None:
    assert size(bytes) == text


# Percentages


@pytest.mark.parametrize(("text", "ratio"), [("80%", 0.8), ("99.9 %", 0.999), ("0%", 0.0), ("250%", 2.5)])
def test_a_percentage_has_its_sign(text: str, ratio: float) -> None:
    assert parse_percentage(text) == pytest.approx(ratio)


@pytest.mark.parametrize(
    "value", [80, 0.8, True, None, "", "80", "0.8", "%", "-5%", "80%%", "1e2%", "100001%", []]
)
def test_a_number_alone_is_no_percentage(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a percentage: .*; write it with its sign, such as 80%"):
        parse_percentage(value)


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.8, "80%"), (0.999, "99.9%"), (0.07, "7%"), (0.285, "28.5%"), (2.5, "250%")]
)
def test_a_percentage_is_spelled_without_dust_and_reads_back(ratio: float, text: str) -> None:
    assert spell_percentage(ratio) == text
    assert parse_percentage(text) == ratio


@pytest.mark.parametrize("text", ["0%", "0.00001%", "33.333333333333%", "99.99999999999%", "100000%"])
def test_a_percentage_is_kept_to_its_last_digit(text: str) -> None:
    """A replay reads what a run has spelled: nearly the same is another threshold."""
    assert spell_percentage(parse_percentage(text)) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.83, "83 %"),
        (0.0, "0 %"),
        (0.004, "0.4 %"),
        (0.01, "1 %"),
        (0.999, "99.9 %"),
        (1.0, "100 %"),
        (2.5, "250 %"),
    ],
)
def test_a_percentage_for_people_is_exact_where_it_matters(ratio: float, text: str) -> None:
    assert percent(ratio) == text


@pytest.mark.parametrize(
    ("type", "given", "value", "spelled"),
    [(Size, "10GiB", 10 << 30, "10GiB"), (Percentage, "80%", 0.8, "80%")],
)
def test_a_threshold_of_such_a_type_is_read_and_written_by_a_profile(
    type: Any, given: str, value: float, spelled: str
) -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(type)

    assert adapter.validate_python(given, strict=True) == value
    assert adapter.dump_python(value, mode="json") == spelled
    for wrong in (7, 0.5, "7"):
        with pytest.raises(pydantic.ValidationError):
            adapter.validate_python(wrong, strict=True)
