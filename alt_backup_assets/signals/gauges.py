"""Gauges with the official client's classes; a value that is not known has no sample."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily

Value = float | datetime | None
Row = tuple[tuple[str, ...], Value]


def one(name: str, text: str, value: Value) -> GaugeMetricFamily:
    """Return a gauge without labels."""
    return family(name, text, (), [((), value)])


def each(
    name: str, text: str, label: str, values: Iterable[tuple[str, Value]]
) -> GaugeMetricFamily:
    """Return a gauge with one label, a sample per value of the label."""
    return family(name, text, (label,), (((key,), value) for key, value in values))


def family(name: str, text: str, labels: tuple[str, ...], rows: Iterable[Row]) -> GaugeMetricFamily:
    """Return a gauge.

    Args:
        name: The metric's.
        text: Its help.
        labels: Names of its labels.
        rows: Label values and number of each sample; a moment becomes seconds since 1970.
    """
    made = GaugeMetricFamily(name, text, labels=labels)
    for row, value in rows:
        if value is not None:
            number = value.timestamp() if isinstance(value, datetime) else value
            made.add_metric(row, float(number))
    return made


def oldest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the oldest moment; None where one of them is not known, or there is none."""
    known = list(moments)
    return min((m for m in known if m), default=None) if all(known) else None
