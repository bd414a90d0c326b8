"""Pictures that checks attach: ``Attachment.plot(title, timeline(title, bars))``. Pure: data in, SVG out.

A picture is as wide as it is shown, and its letters stay as large: positions are percentages. It has its own
colours for light and dark, and no script.
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domino_health.units import age
from domino_health.vocabulary import clean

MOST_BARS = 40
"""Bars that are drawn; beyond, the picture says how many there are. The caller's order decides which."""

_MOST_MARKS = 5
_MOST_TICKS = 5
_LONGEST_LABEL = 60
_ROW = 40
"""Pixels of a bar and the line above it."""
_HEAD = 24
"""Pixels for what the marks are called."""
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 6, 12)),
    *(86400 * days for days in (1, 2, 7, 14, 30, 60, 90, 182, 365)),
)
"""Seconds between two ticks, of which the smallest is taken that gives few enough."""

_STYLE = """\
svg { color-scheme: light dark; }
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: #1b2027;
  paint-order: stroke; stroke: #fff; stroke-width: 4px; }
.soft { fill: #566070; }
.paper { fill: #fff; }
.grid { stroke: #d5dae1; }
.bar { fill: #0b5c8c; }
.wanting { fill: #c2650a; }
.mark { stroke: #1b2027; stroke-dasharray: 21 19; stroke-dashoffset: 15px; }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e8ed; stroke: #171c23; }
  .soft { fill: #a5afbc; }
  .paper { fill: #171c23; }
  .grid { stroke: #36404c; }
  .bar { fill: #7cc4ee; }
  .wanting { fill: #f2b458; }
  .mark { stroke: #e4e8ed; }
}"""

Moment = datetime | timedelta
"""A point on the axis: a time, or how long after the beginning. One picture has one kind."""


@dataclass(frozen=True)
class Bar:
    """Something that lasts."""

    label: str
    begins: Moment
    ends: Moment
    said: str = ""
    """A few words at the right: ``20 d left``. Colour alone says nothing."""
    wanting: bool = False
    """Whether it is not as it should be: it has another colour then."""


@dataclass(frozen=True)
class Mark:
    """A moment that all bars are seen against: now, or a threshold."""

    label: str
    at: Moment


def timeline(
    title: str,
    bars: Iterable[Bar],
    *,
    marks: Iterable[Mark] = (),
    since: Moment | None = None,
    until: Moment | None = None,
) -> str:
    """Horizontal bars on one axis of time, with their labels: a start-up's steps, certificates' validity.

    Args:
        title: what the picture shows; for those who cannot see it.
        bars: from the top; what is beyond MOST_BARS is counted only. A bar that ends before it begins is
            drawn as the moment of its beginning.
        marks: vertical lines, five at most.
        since: where the axis begins; by default where the first bar does. A bar that goes on beyond the axis
            is cut off there, with an arrow.
        until: where the axis ends; by default where the last bar does.

    Raises:
        TypeError: times and durations in one picture, or times of which only some have a time zone.
    """
    bars = list(bars)
    drawn, marks = bars[:MOST_BARS], list(marks)[:_MOST_MARKS]
    ends = [moment for bar in drawn for moment in (bar.begins, bar.ends)]
    moments = [*ends, *(mark.at for mark in marks), *(end for end in (since, until) if end is not None)]
    if (
        len({(isinstance(moment, datetime), getattr(moment, "tzinfo", None) is None) for moment in moments})
        > 1
    ):
        raise TypeError(f"{title!r} has times and durations on one axis, or times without a zone")
    shown = [*ends, *(mark.at for mark in marks)] or [timedelta(0)]
    axis = _Axis.over(
        min(map(_seconds, shown)) if since is None else _seconds(since),
        max(map(_seconds, shown)) if until is None else _seconds(until),
        dates=isinstance(shown[0], datetime),
    )
    top = _HEAD if marks else 4
    bottom = top + len(drawn) * _ROW
    parts = [
        *_ticks(axis, top, bottom),
        *(_mark(axis, mark, number, bottom) for number, mark in enumerate(marks)),
        *(line for number, bar in enumerate(drawn) for line in _bar(axis, bar, top + number * _ROW)),
    ]
    more = len(bars) - len(drawn)
    height = bottom + 24
    if more:
        parts.append(_text(f"… and {more:,} more, which are not drawn", "8", height + 12, "soft"))
        height += 20
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="{height}" role="img">',
            f"<title>{_escaped(title, 200)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect class="paper" width="100%" height="100%"/>',
            *parts,
            "</svg>",
        ]
    )


def _seconds(moment: Moment) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else moment.total_seconds()


@dataclass(frozen=True)
class _Axis:
    begins: float
    ends: float
    dates: bool

    @classmethod
    def over(cls, begins: float, ends: float, *, dates: bool) -> "_Axis":
        """One that is never empty."""
        return cls(begins, ends if ends > begins else begins + 1, dates)

    def at(self, seconds: float) -> float:
        """Where a moment is, in per cent of the width, 1 to 99; what is beyond is at the edge."""
        ratio = (seconds - self.begins) / (self.ends - self.begins)
        return round(1 + 98 * min(max(ratio, 0.0), 1.0), 3)

    @property
    def ticks(self) -> Sequence[float]:
        """Round moments, few enough that their names do not run into each other on a phone."""
        length = self.ends - self.begins
        step = next((step for step in _STEPS if length / step < _MOST_TICKS), 0.0)
        if not step:
            step = math.ceil(length / _MOST_TICKS / _STEPS[-1] + 0.001) * float(_STEPS[-1])
        first = math.ceil(self.begins / step)
        return [number * step for number in range(first, math.floor(self.ends / step) + 1)]

    def name(self, seconds: float) -> str:
        """What a tick is called."""
        if not self.dates:
            return age(timedelta(seconds=seconds))
        moment = datetime.fromtimestamp(seconds, UTC)
        return f"{moment:%Y-%m-%d}" if self.ends - self.begins > 4 * 86400 else f"{moment:%m-%d %H:%M}"


def _ticks(axis: _Axis, top: int, bottom: int) -> Iterable[str]:
    for seconds in axis.ticks:
        x = axis.at(seconds)
        yield f'<line class="grid" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom + 4}"/>'
        yield _text(axis.name(seconds), f"{x}%", bottom + 18, "soft", anchor=_anchor(x))


def _mark(axis: _Axis, mark: Mark, number: int, bottom: int) -> str:
    x = axis.at(_seconds(mark.at))
    line = f'<line class="mark" x1="{x}%" x2="{x}%" y1="18" y2="{bottom + 4}"/>'
    # Dashes of a row's height leave out its label, which would be hard to read with a line through it.
    # The first is told left of its line and the others at the right: now, and a threshold near to it.
    anchor = ("start" if x < 88 else "end") if number else ("end" if x > 12 else "start")
    return line + _text(mark.label, f"{x}%", 14, "soft", anchor=anchor)


def _bar(axis: _Axis, bar: Bar, top: int) -> Iterable[str]:
    begins, ends = _seconds(bar.begins), max(_seconds(bar.begins), _seconds(bar.ends))
    left, right = axis.at(begins), axis.at(ends)
    # Of their own, so that a long label is cut off and does not run into what is said of it.
    yield f'<svg width="62%" height="20" y="{top}">{_text(bar.label, "8", 15)}</svg>'
    yield _text(bar.said, "100%", top + 15, anchor="end", shift=-8)
    kind = "bar wanting" if bar.wanting else "bar"
    width = max(round(right - left, 3), 0.4)
    yield f'<rect class="{kind}" x="{left}%" y="{top + 21}" width="{width}%" height="10" rx="2"/>'
    if begins < axis.begins:
        yield _text("◂", "0", top + 31)
    if ends > axis.ends:
        yield _text("▸", "100%", top + 31, anchor="end")


def _anchor(x: float) -> str:
    """A name near an edge stays inside."""
    return "start" if x < 12 else "end" if x > 88 else "middle"


def _text(said: str, x: str, y: int, kind: str = "", *, anchor: str = "start", shift: int = 0) -> str:
    marked = f' class="{kind}"' if kind else ""
    moved = f' dx="{shift}"' if shift else ""
    return (
        f'<text x="{x}" y="{y}"{marked}{moved} text-anchor="{anchor}">{_escaped(said, _LONGEST_LABEL)}</text>'
    )


def _escaped(text: str, longest: int) -> str:
    line = " ".join(clean(text).split())
    return html.escape(line if len(line) <= longest else f"{line[: longest - 1]}…")
