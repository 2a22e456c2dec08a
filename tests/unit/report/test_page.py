"""The page says what is so: nothing that is missing, failed or late looks done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from alt_backup_assets.errors import RepositoryUnreachable
from alt_backup_assets.report.page import render
from alt_backup_assets.report.read import read_report
from alt_backup_assets.report.summary import summary
from alt_backup_assets.verification.ledger import open_ledger
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine
from tests.unit.report.page import Page, parsed

STAGES = ("dump", "snapshot", "offsite", "drill")


def page_of(machine: Machine) -> Page:
    """Make the page and take it apart."""
    return parsed(render(read_report(machine.site)))


def today(machine: Machine, page: Page, volume: str = DB) -> dict[str, str]:
    """Return the cells of a volume's newest day."""
    day = machine.site.today.isoformat()
    return {stage: page.cells[volume, day, stage] for stage in STAGES}


def test_a_day_on_which_everything_went_well_is_done(good: Machine) -> None:
    """Every stage of every volume; the days before there was anything ask for nothing."""
    page = page_of(good)
    for volume in (DB, TOKENS):
        assert today(good, page, volume) == dict.fromkeys(STAGES, "done")
    yesterday = (good.site.today - timedelta(days=1)).isoformat()
    assert page.cells[DB, yesterday, "snapshot"] == "none"
    assert "GOOD" in page.text


def test_a_day_without_anything_is_missing(good: Machine) -> None:
    """Two days later, with nothing since: yesterday is missing, and the verdict is not GOOD."""
    good.clock.advance(hours=49)
    page = page_of(good)
    yesterday = (good.site.today - timedelta(days=1)).isoformat()
    missing = {page.cells[DB, yesterday, stage] for stage in STAGES}
    assert missing == {"missing"}
    assert "WARNING" in page.text
    assert "over 25.0 h" in page.text


def test_a_failed_drill_is_failed_with_its_difference(good: Machine) -> None:
    """The cell is red, the difference stands with it and first among the drills."""
    proof = open_ledger(good.site).proofs(DB)[-1]
    failed = proof.model_copy(update={"verdict": "FAILED", "differences": ("2 rows are gone",)})
    open_ledger(good.site).append(failed)
    page = page_of(good)
    assert today(good, page)["drill"] == "failed"
    assert today(good, page, TOKENS)["drill"] == "done"
    assert "2 rows are gone" in page.said[DB, good.site.today.isoformat(), "drill"]
    assert "2 rows are gone" in page.text
    assert "CRITICAL" in page.text
    assert "**CRITICAL**" in summary(read_report(good.site))


def test_a_repository_that_does_not_open_is_unknown(good: Machine) -> None:
    """The page is made, nothing of it is done, and the reason is on it."""
    good.local.faults = {"snapshots": Fault(RepositoryUnreachable("no route to it"))}
    page = page_of(good)
    assert today(good, page)["snapshot"] == "unknown"
    assert "no route to it" in page.text
    assert "CRITICAL" in page.text


def test_an_offsite_repository_that_does_not_open_is_unknown(good: Machine) -> None:
    """Its cells only."""
    good.offsite.faults = {"snapshots": Fault(RepositoryUnreachable("no route to it"))}
    cells = today(good, page_of(good))
    assert (cells["snapshot"], cells["offsite"]) == ("done", "unknown")


def _rewrite(machine: Machine) -> None:
    chain = open_ledger(machine.site).root / f"{DB}.jsonl"
    chain.write_bytes(chain.read_bytes().replace(b'"previous":"0', b'"previous":"1'))


def _cut(machine: Machine) -> None:
    (open_ledger(machine.site).root / f"{DB}.jsonl").write_bytes(b"")


@pytest.mark.parametrize("tamper", [_rewrite, _cut])
def test_proofs_that_cannot_be_believed_are_unknown(
    good: Machine, tamper: Callable[[Machine], None]
) -> None:
    """Not done, and not missing, which somebody would drill again for; the other volume is done."""
    tamper(good)
    page = page_of(good)
    assert today(good, page) == dict.fromkeys(STAGES, "done") | {"drill": "unknown"}
    assert today(good, page, TOKENS)["drill"] == "done"
    yesterday = (good.site.today - timedelta(days=1)).isoformat()
    assert page.cells[DB, yesterday, "drill"] == "none"
    assert f"not to be believed {DB}" in " ".join(page.text.split())
    assert "never restored" not in page.text
    assert "CRITICAL" in page.text


def test_a_drill_that_was_not_made_is_missing(good: Machine) -> None:
    """With proofs that can be believed, what is not in them is not unknown."""
    good.clock.advance(hours=24)
    good.snapshot(DB)
    good.clock.advance(hours=24)
    page = page_of(good)
    yesterday = (good.site.today - timedelta(days=1)).isoformat()
    cells = {stage: page.cells[DB, yesterday, stage] for stage in ("snapshot", "drill")}
    assert cells == {"snapshot": "done", "drill": "missing"}
    assert "not to be believed" not in page.text


def test_a_snapshot_that_vanished_is_missing(good: Machine) -> None:
    """A copy tells that it was there, and retention had no reason to remove it."""
    good.clock.advance(hours=24)
    good.back_up()
    good.local._snapshots = {
        i: s for i, s in good.local._snapshots.items() if s.time >= good.clock.at - timedelta(1)
    }
    page = page_of(good)
    yesterday = (good.site.today - timedelta(days=1)).isoformat()
    assert page.cells[DB, yesterday, "snapshot"] == "missing"


def test_what_a_program_printed_stays_text(good: Machine) -> None:
    """A difference that is markup is shown, and not made part of the page."""
    hostile = "<script src=//evil></script><b>"
    proof = open_ledger(good.site).proofs(DB)[-1]
    open_ledger(good.site).append(
        proof.model_copy(update={"verdict": "FAILED", "differences": (hostile,)})
    )
    before = page_of(good)
    assert hostile in before.text
    assert before.tags.count("script") <= 1
    assert "//evil" not in before.loads
    assert hostile not in summary(read_report(good.site))


def test_it_loads_nothing_from_anywhere(good: Machine) -> None:
    """Self-contained: every address is on the page itself."""
    assert [address for address in page_of(good).loads if not address.startswith("#")] == []


@pytest.mark.parametrize("hours", [26, 51])
def test_ages_over_the_objective_are_not_good(good: Machine, hours: int) -> None:
    """The verdict on the page is that of the status."""
    good.clock.advance(hours=hours)
    report = read_report(good.site)
    assert report.status.verdict == ("WARNING" if hours == 26 else "CRITICAL")
    assert report.status.verdict in parsed(render(report)).text


def test_a_name_that_is_markup_stays_text(good: Machine) -> None:
    """Whatever the registry holds."""
    report = read_report(good.site)
    first = report.volumes[0]
    named = replace(first, status=first.status.model_copy(update={"name": "<i>x"}))
    page = parsed(render(replace(report, volumes=(named, *report.volumes[1:]))))
    assert "<i>x" in page.text
    assert "i" not in page.tags
