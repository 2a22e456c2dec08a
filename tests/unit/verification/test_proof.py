"""A proof: how long it took, and which lines of it a person sees."""

from __future__ import annotations

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.verification.proof import TABLE_ROWS, worth_showing
from tests.fakes.site import Machine


def _line(name: str, rows: int, *, equal: bool = True) -> Compared:
    return Compared(name=name, recorded=rows, restored=rows, equal=equal)


def test_what_differs_is_shown_first_and_then_the_largest() -> None:
    """One differing row is not lost behind a million equal ones."""
    lines = (_line("small", 1), _line("large", 9), _line("wrong", 0, equal=False))
    assert [line.name for line in worth_showing(lines)] == ["wrong", "large", "small"]


def test_the_table_has_an_end() -> None:
    """A ledger that is kept for ever does not hold thousands of lines a drill."""
    lines = tuple(_line(f"t{number:03}", number) for number in range(200))
    assert len(worth_showing(lines)) == TABLE_ROWS
    assert worth_showing(lines)[0].name == "t199"


def test_a_drill_took_as_long_as_its_phases(machine: Machine) -> None:
    """Fetch, hash and restore, in seconds."""
    machine.snapshot()
    proof = machine.drill()
    assert set(proof.phases) == {"fetch", "hash", "restore"}
    longer = proof.model_copy(update={"phases": {"fetch": 1.25, "restore": 2.5}})
    assert longer.duration_seconds == 3.75
