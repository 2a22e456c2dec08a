"""The picture docs/benchmark.svg: a bar per contender, every round a dot on it.

Hand-written SVG: a handful of rectangles needs no library, and it reads in light and dark.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import figures, result
from benchmarks.result import Benchmark, Experiment
from benchmarks.shown import number, seconds

_WIDTH, _BAR, _GAP, _LEFT, _RIGHT, _TOP = 800, 20, 8, 220, 150, 12
_STYLE = """
svg { font: 13px system-ui, sans-serif; color: #1f2328; background: #fff }
text { fill: currentColor }
.title { font-weight: 600 }
.product { fill: #1a7f5a } .other { fill: #8c959f } .dot { fill: currentColor }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3; background: #0d1117 } }
"""
_PANELS: tuple[tuple[Experiment, str], ...] = (
    ("backup", "Daily backup"),
    ("verification", "Verification"),
    ("one big database", "One big database, daily backup"),
)


@dataclass(frozen=True)
class _Bar:
    label: str
    value: float
    dots: Sequence[float]
    said: str
    is_ours: bool


def picture(benchmark: Benchmark) -> str:
    """Draw wall time by contender, for the experiments that compare some."""
    panels = [(title, _bars(benchmark, experiment)) for experiment, title in _PANELS]
    height = _TOP + sum(_panel_height(bars) for _, bars in panels if bars)
    box = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {_WIDTH} {height}"}
    said = "Wall time of every contender, shorter is better"
    svg = ET.Element("svg", {**box, "role": "img", "aria-label": said})
    ET.SubElement(svg, "title").text = said
    ET.SubElement(svg, "style").text = _STYLE
    y = float(_TOP)
    for title, bars in panels:
        if bars:
            _panel(svg, title, bars, y)
            y += _panel_height(bars)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _bars(benchmark: Benchmark, experiment: Experiment) -> list[_Bar]:
    base = result.BARE if experiment == "one big database" else result.BY_HAND
    under = figures.of(benchmark, experiment, base)
    bars = []
    for name in figures.contenders(benchmark, experiment):
        runs = figures.of(benchmark, experiment, name)
        dots = figures.values(runs, figures.wall)
        value = figures.middle(runs, figures.wall) or 0.0
        ratio = number(figures.ratio(runs, under))
        bars.append(_Bar(name, value, dots, f"{seconds(value)} ({ratio})", "product" in name))
    return bars


def _panel_height(bars: Sequence[_Bar]) -> float:
    return (_BAR + _GAP) * (len(bars) + 1) + _GAP


def _panel(svg: ET.Element, title: str, bars: Sequence[_Bar], y: float) -> None:
    longest = max(max(bar.dots) for bar in bars) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    _text(svg, title, 12, y + _BAR * 0.75, "start").set("class", "title")
    for row, bar in enumerate(bars, start=1):
        top = y + row * (_BAR + _GAP)
        kind = "product" if bar.is_ours else "other"
        place = {"x": _LEFT, "y": top, "width": bar.value * scale, "height": _BAR}
        ET.SubElement(svg, "rect", {"class": kind, **{k: f"{v:.1f}" for k, v in place.items()}})
        _text(svg, bar.label, _LEFT - 8, top + _BAR * 0.75, "end")
        for dot in bar.dots:
            at = {"cx": f"{_LEFT + dot * scale:.1f}", "cy": f"{top + _BAR / 2:.1f}", "r": "2.5"}
            ET.SubElement(svg, "circle", {"class": "dot", **at})
        end = _LEFT + max(bar.dots) * scale + 8
        _text(svg, bar.said, end, top + _BAR * 0.75, "start")


def _text(svg: ET.Element, text: str, x: float, y: float, anchor: str) -> ET.Element:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    element = ET.SubElement(svg, "text", place)
    element.text = text
    return element
