"""Pictures of checks: bars where they belong, hostile labels that do nothing, never more than can be read."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from domino_health import Bar, Mark, timeline
from domino_health.plots import MOST_BARS, Moment
from report_samples import HOSTILE

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str, tag: str, kind: str = "") -> list[ET.Element]:
    found = ET.fromstring(svg).iter(f"{SVG}{tag}")
    return [element for element in found if kind in element.get("class", "").split() or not kind]


def places(svg: str) -> list[tuple[float, float]]:
    """Where each bar begins and ends, in per cent."""
    found = [(number(bar, "x"), number(bar, "width")) for bar in drawn(svg, "rect", "bar")]
    return [(x, round(x + width, 2)) for x, width in found]


def number(element: ET.Element, name: str) -> float:
    return float(element.attrib[name].removesuffix("%"))


def words(svg: str) -> list[str]:
    return [element.text or "" for element in drawn(svg, "text")]


def test_bars_share_one_axis_from_the_first_beginning_to_the_last_end() -> None:
    svg = timeline("Start", [Bar("pull", 0 * SECOND, 5 * SECOND), Bar("start", 5 * SECOND, 10 * SECOND)])

    assert places(svg) == [(1, 50), (50, 99)]


def test_a_bar_says_its_name_and_what_is_to_be_said_of_it() -> None:
    svg = timeline("Certificates", [Bar("front end", NOON, NOON + DAY, "1 d left", wanting=True)])

    assert {"front end", "1 d left"} <= set(words(svg))
    assert len(drawn(svg, "rect", "wanting")) == 1
    assert ET.fromstring(svg).findtext(f"{SVG}title") == "Certificates"


def test_what_goes_on_beyond_the_axis_is_cut_off_with_an_arrow() -> None:
    bars = [
        Bar("in", NOON, NOON + DAY),
        Bar("through", NOON - DAY, NOON + 9 * DAY),
        Bar("over", NOON - 9 * DAY, NOON - DAY),
    ]
    svg = timeline("Certificates", bars, since=NOON, until=NOON + 2 * DAY)

    assert places(svg) == [(1, 50), (1, 99), (1, 1.4)]
    assert (words(svg).count("◂"), words(svg).count("▸")) == (2, 1)


def test_a_mark_stands_where_its_moment_is() -> None:
    bars = [Bar("front", NOON - DAY, NOON + DAY)]
    marks = [Mark("now", NOON), Mark("in 12 h", NOON + 12 * HOUR)]

    lines = drawn(timeline("Certificates", bars, marks=marks), "line", "mark")

    assert [number(line, "x1") for line in lines] == [50, 74.5]


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [
        (4 * SECOND, ["0 s", "1 s", "2 s", "3 s", "4 s"]),
        (5 * SECOND, ["0 s", "2 s", "4 s"]),
        (50 * 60 * SECOND, ["0 s", "15 m", "30 m", "45 m"]),
        (4000 * DAY, ["0 s", "1095 d", "2190 d", "3285 d"]),
    ],
)
def test_the_axis_has_a_few_round_moments(ends: timedelta, ticks: list[str]) -> None:
    assert words(timeline("Start", [Bar("", 0 * SECOND, ends)]))[: len(ticks) + 1] == [*ticks, ""]


def test_times_are_told_in_utc_and_dates_where_hours_do_not_matter() -> None:
    assert "03-14 18:00" in words(timeline("Day", [Bar("", NOON, NOON + DAY)]))
    assert "2026-06-06" in words(timeline("Year", [Bar("", NOON, NOON + 365 * DAY)]))


@pytest.mark.parametrize(
    "bars", [[], [Bar("at once", NOON, NOON)], [Bar("backwards", NOON, NOON - DAY)], [Bar("x", DAY, DAY)]]
)
def test_what_does_not_last_is_drawn_all_the_same(bars: list[Bar]) -> None:
    assert len(places(timeline("Nothing", bars))) == len(bars)


@pytest.mark.parametrize(
    ("number", "more"), [(MOST_BARS, []), (MOST_BARS + 1, ["… and 1 more, which are not drawn"])]
)
def test_bars_are_bounded_and_counted(number: int, more: list[str]) -> None:
    svg = timeline("Many", [Bar(str(n), NOON, NOON + DAY) for n in range(number)])

    assert len(places(svg)) == MOST_BARS
    assert [word for word in words(svg) if "more" in word] == more


@pytest.mark.parametrize("end", [DAY, datetime(2026, 3, 15)])  # noqa: DTZ001 (the mistake that is refused)
def test_two_kinds_of_time_on_one_axis_are_refused(end: Moment) -> None:
    with pytest.raises(TypeError, match="'Mixed' has times and durations on one axis"):
        timeline("Mixed", [Bar("x", NOON, end)])


def test_hostile_labels_are_text_and_short() -> None:
    text = HOSTILE + "A" * 20_000
    svg = timeline(text, [Bar(text, NOON, NOON + DAY, text)], marks=[Mark(text, NOON)])

    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags == {"svg", "title", "style", "rect", "line", "text"}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\uffff]", svg)
    assert len(svg) < 5000
    assert all(len(word) <= 60 for word in words(svg))


def test_there_are_colours_for_light_and_dark_and_nothing_to_load() -> None:
    svg = timeline("Start", [Bar("x", NOON, NOON + DAY)])

    assert "@media (prefers-color-scheme: dark)" in svg
    assert not re.search(r"url\(|@import|href|<script|\son\w+=", svg)
