"""What is read of every proof: less of it than the whole, and touched lines show all the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from alt_backup_assets.errors import LedgerError
from alt_backup_assets.verification.ledger import Ledger
from alt_backup_assets.verification.proof import Proof
from tests.fakes.records import numbered_proof
from tests.fakes.site import DB

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> Ledger:
    """Return a ledger with three proofs of one volume."""
    ledger = Ledger(tmp_path / "ledger")
    for number in range(3):
        ledger.append(numbered_proof(number))
    return ledger


def test_a_summary_says_what_the_proof_does(ledger: Ledger) -> None:
    """Of every proof, in their order; the last one is the proof itself."""
    summaries, proofs = ledger.summaries(DB), ledger.proofs(DB)
    assert len(summaries) == 3
    for summary, proof in zip(summaries, proofs, strict=True):
        said = summary.model_dump()
        assert said == {name: value for name, value in proof.model_dump().items() if name in said}
        assert summary.duration_seconds == proof.duration_seconds
    assert summaries[-1] == proofs[-1]
    assert [isinstance(summary, Proof) for summary in summaries] == [False, False, True]


def test_without_a_proof_there_is_no_summary(tmp_path: Path) -> None:
    """Nor with a ledger that was never begun."""
    assert Ledger(tmp_path).summaries(DB) == ()


def _replaced(number: int, before: bytes, after: bytes) -> Change:
    def change(lines: list[bytes]) -> list[bytes]:
        assert before in lines[number]
        changed = lines[number].replace(before, after)
        return [*lines[:number], changed, *lines[number + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_replaced(0, b"PROVEN", b"FAILED"), ":2 does not follow"),
        (_replaced(0, b'"rows":0', b'"rows":8'), ":2 does not follow"),
        (_replaced(1, b'"rows":1', b'"rows":"x"'), ":3 does not follow"),
        (_replaced(1, b'"tools"', b'"stools"'), ":3 does not follow"),
        (lambda lines: lines[1:], ":1 does not follow"),
        (lambda lines: [lines[0], lines[2]], ":2 does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], ":1 does not follow"),
        (lambda lines: [b"{}\n", *lines[1:]], ":1 is damaged"),
        (lambda lines: [lines[0], b"\n", *lines[1:]], ":2 is damaged"),
        (lambda lines: [lines[0], lines[1][:-9] + b"\n", lines[2]], ":2 is damaged"),
        (_replaced(1, b'"PROVEN"', b'"MAYBE"'), ":2 is damaged"),
        (_replaced(2, b'"PROVEN"', b'"MAYBE"'), ":3 is damaged"),
        (_replaced(2, b'"rows":2', b'"rows":"x"'), ":3 is damaged"),
        (_replaced(2, b'"tools"', b'"stools"'), ":3 is damaged"),
    ],
    ids=[
        *("first changed", "first's detail", "middle's detail", "middle's unknown field"),
        *("first removed", "middle removed", "order changed", "first foreign", "blank line"),
        *("middle torn", "middle's verdict", "last's verdict", "last's detail"),
        "last's unknown field",
    ],
)
def test_a_line_that_was_touched_shows(
    ledger: Ledger, tmp_path: Path, change: Change, said: str
) -> None:
    """In what is read of it and in what is passed over; and nothing is added behind it."""
    file = tmp_path / "ledger" / f"{DB}.jsonl"
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))
    touched = file.read_bytes()
    with pytest.raises(LedgerError, match=said):
        ledger.summaries(DB)
    with pytest.raises(LedgerError):
        ledger.append(numbered_proof(4))
    assert file.read_bytes() == touched


def test_a_forged_detail_shows_when_it_is_looked_at(ledger: Ledger, tmp_path: Path) -> None:
    """A chain made anew over it is not the one that was published, which ``require`` says."""
    heads = ledger.heads()
    file = tmp_path / "ledger" / f"{DB}.jsonl"
    lines = file.read_bytes().splitlines()
    forged = [lines[0].replace(b'"rows":0', b'"rows":"x"')]
    for before, line in pairwise(lines):
        old, new = (hashlib.sha256(x).hexdigest().encode() for x in (before, forged[-1]))
        forged.append(line.replace(old, new))
    file.write_bytes(b"".join(line + b"\n" for line in forged))
    assert len(ledger.summaries(DB)) == 3
    with pytest.raises(LedgerError, match=":1 is damaged"):
        ledger.proofs(DB)
    with pytest.raises(LedgerError, match="is not the proof that was published"):
        ledger.require(heads[0])
