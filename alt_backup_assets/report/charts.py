"""Draws: small pure functions from numbers to inline SVG.

The numbers are said in words too, in the picture's title and labels, so that neither colour nor
sight is needed. Colours are the style sheet's, by class. Keep out: anything about backups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from markupsafe import Markup

from alt_backup_assets.report.facts import Point

Say = Callable[[float], str]

BAR = (240, 16)
"""Width and height of an age bar, in its own units."""
BEYOND = 1.25
"""An age bar ends here, as a multiple of the age that fails."""

CHART = (320, 96)
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 10, 10, 20
_CROSS = 4
_LINE_AT_LEAST = 2
_DOTS_AT_MOST = 40
"""More would touch each other: the line alone says as much, and a page of many volumes stays small.
"""


def age_bar(age: timedelta | None, warn: timedelta, fail: timedelta, said: str) -> Markup:
    """Draw an age against the ages that warn and fail.

    Args:
        age: None where there is no data; then the track stays empty.
        warn: Over it is a warning.
        fail: Over it is a failure.
        said: The same in words.
    """
    width, height = BAR
    svg = _svg(width, height, "age", said)
    whole = fail * BEYOND
    limits = (0.0, warn / whole * width, fail / whole * width, float(width))
    for kind, start, end in zip(("good", "warn", "bad"), limits, limits[1:], strict=False):
        _rect(svg, f"zone {kind}", start, 0, end - start, height)
    if age is not None:
        kind = "bad" if age > fail else "warn" if age > warn else "good"
        long = min(1.0, max(0.01, age / whole)) * width
        _rect(svg, f"bar {kind}", 0, height / 4, long, height / 2)
    for kind, limit in (("warn", limits[1]), ("bad", limits[2])):
        _line(svg, f"limit {kind}", (limit, 0), (limit, height))
    return _markup(svg)


def line_chart(points: Sequence[Point], say: Say, zone: ZoneInfo, name: str) -> Markup:
    """Draw measurements over time, from zero up, with the largest one and both ends said.

    Args:
        points: Oldest first, at least one; those that are not good are crosses off the line.
        say: Words a value, with its unit.
        zone: The dates' time zone.
        name: What is measured.
    """
    width, height = CHART
    values = [point.value for point in points]
    low, high, last = (say(value) for value in (min(values), max(values), values[-1]))
    said = f"{name}: least {low}, most {high}, last {last}, of {len(points)} measurements"
    svg = _svg(width, height, "line", said)
    top = max(values) or 1.0
    for label, level in ((say(max(values)), _TOP), ("0", height - _BOTTOM)):
        _line(svg, "rule", (_LEFT, level), (width - _RIGHT, level))
        _text(svg, label, _LEFT - 6, level + 4, "end")
    first, final = points[0].at, points[-1].at
    _text(svg, _date(first, zone), _LEFT, height - 4, "start")
    if _date(final, zone) != _date(first, zone):
        _text(svg, _date(final, zone), width - _RIGHT, height - 4, "end")
    placed = [(_place(point, first, final, top), point.good) for point in points]
    good = [place for place, is_good in placed if is_good]
    if len(good) >= _LINE_AT_LEAST:
        line = " ".join(f"{x:.0f},{_short(y)}" for x, y in good)
        ET.SubElement(svg, "polyline", {"class": "curve", "points": line})
    if len(good) <= _DOTS_AT_MOST:
        dots = "".join(f"M{x:.0f} {_short(y)}h0" for x, y in good)
        ET.SubElement(svg, "path", {"class": "dots", "d": dots})
    for (x, y), is_good in placed:
        if not is_good:
            _cross(svg, x, y)
    return _markup(svg)


def phase_bar(phases: Mapping[str, float], said: str) -> Markup:
    """Draw how a whole is divided into its parts, in their order.

    Args:
        phases: Seconds by name.
        said: The same in words.
    """
    width, height = BAR
    svg = _svg(width, height, "phases", said)
    whole = sum(phases.values()) or 1.0
    start = 0.0
    for number, seconds in enumerate(phases.values()):
        long = seconds / whole * width
        _rect(svg, f"phase p{number % 4}", start, 2, long, height - 4)
        start += long
    return _markup(svg)


def _place(point: Point, first: datetime, final: datetime, top: float) -> tuple[float, float]:
    width, height = CHART
    span = final - first
    share = (point.at - first) / span if span else 0.5
    x = _LEFT + share * (width - _LEFT - _RIGHT)
    y = height - _BOTTOM - point.value / top * (height - _TOP - _BOTTOM)
    return x, y


def _date(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b}"


def _svg(width: int, height: int, kind: str, said: str) -> ET.Element:
    svg = ET.Element("svg", {"class": kind, "viewBox": f"0 0 {width} {height}", "role": "img"})
    ET.SubElement(svg, "title").text = said
    return svg


def _rect(  # noqa: PLR0917 -- a box has four numbers
    svg: ET.Element, kind: str, x: float, y: float, width: float, height: float
) -> None:
    box = {"x": x, "y": y, "width": width, "height": height}
    ET.SubElement(svg, "rect", {"class": kind} | {k: _short(v) for k, v in box.items() if v})


def _line(svg: ET.Element, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    ET.SubElement(svg, "line", {"class": kind} | {k: _short(v) for k, v in ends.items() if v})


def _text(svg: ET.Element, text: str, x: float, y: float, anchor: str) -> None:
    place = {"x": _short(x), "y": _short(y), "text-anchor": anchor}
    ET.SubElement(svg, "text", place).text = text


def _cross(svg: ET.Element, x: float, y: float) -> None:
    arms = f"M{x - _CROSS:.1f} {y - _CROSS:.1f}l8 8m0-8l-8 8"
    ET.SubElement(svg, "path", {"class": "cross", "d": arms})


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _markup(svg: ET.Element) -> Markup:
    # ElementTree has escaped whatever was text.
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704
