"""Metrics as a test looks at them."""

from __future__ import annotations

from alt_backup_assets.signals.facts import Facts
from alt_backup_assets.signals.metrics import families


def samples(facts: Facts, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one metric by their label values; it must be there, if empty."""
    (family,) = [family for family in families(facts) if family.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def value(facts: Facts, name: str) -> float | None:
    """Return the one value of a metric without labels; None where it is not known."""
    return samples(facts, name).get(())
