"""Drills from offsite in Dagster: by rotation, red for a damaged copy; and the try to delete."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.errors import RepositoryUnreachable
from alt_backup_assets.snapshots.tags import CANARY
from alt_backup_assets.verification.ledger import open_ledger
from tests.fakes.restic import FakeRestic, Fault
from tests.unit.definitions.bench import Machine, evaluations, failure, materialised, repository

CHECK = "offsite_drill/one:offsite_content_matches"
CANARY_CHECK = "maintenance/retention:copies_cannot_be_deleted"


def _configured(two: Machine, **changes: object) -> Machine:
    settings = two.site.config.model_dump()
    settings["repositories"]["offsite"] |= changes.pop("offsite", {})
    config = Configuration.model_validate(settings | changes)
    return replace(two, site=replace(two.site, config=config))


@pytest.fixture(name="copied")
def _copied(two: Machine) -> Machine:
    """Return a machine with a copy of both volumes."""
    keys = [f"{stage}/{v}" for stage in ("dump", "snapshot", "offsite") for v in ("one", "two")]
    assert two.run(keys=keys).success
    return two


def test_copies_are_proved_from_offsite(copied: Machine) -> None:
    """With what was compared, and a proof in the ledger that says where it is from."""
    result = copied.run("offsite_drill")
    assert result.success
    assert materialised(result) == {"offsite_drill/one", "offsite_drill/two"}
    assert evaluations(result)[CHECK].passed
    (proof,) = open_ledger(copied.site).proofs("one")
    assert (proof.source, proof.verdict) == ("offsite", "PROVEN")


def test_a_damaged_copy_is_red_and_the_other_is_proved(copied: Machine) -> None:
    """The check says what differs; nothing is materialised for that volume."""
    assert isinstance(copied.site.offsite, FakeRestic)
    (copy,) = copied.site.offsite.snapshots(tag="one")
    copied.site.offsite.damage_file(copy.id, "files/file", b"rotten")
    result = copied.run("offsite_drill")
    assert not result.success
    assert "offsite drill failed for 1 volume(s):\n  one: " in failure(result)
    assert materialised(result) == {"offsite_drill/two"}
    red = evaluations(result)[CHECK]
    assert (red.passed, red.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_the_budget_decides_who_has_his_turn(copied: Machine) -> None:
    """What does not fit waits for another run, which begins with it."""
    assert isinstance(copied.site.offsite, FakeRestic)
    for snapshot in copied.site.offsite.snapshots():
        big = snapshot.model_copy(update={"total_bytes": 1 << 20})
        copied.site.offsite._snapshots[snapshot.id] = big
    small = _configured(copied, offsite_proof={"budget_mib": 1})
    assert materialised(small.run("offsite_drill")) == {"offsite_drill/one"}
    assert materialised(small.run("offsite_drill")) == {"offsite_drill/two"}


def test_an_offsite_that_is_gone_is_red(copied: Machine) -> None:
    """Nothing was proved."""
    assert isinstance(copied.site.offsite, FakeRestic)
    copied.site.offsite.faults["snapshots"] = Fault(RepositoryUnreachable("no route to host"))
    result = copied.run("offsite_drill")
    assert "no route to host" in failure(result)
    assert materialised(result) == set()


def test_a_volume_without_a_copy_is_red(two: Machine) -> None:
    """Its turn comes, and there is nothing."""
    two.run(keys=["dump/one", "snapshot/one", "offsite/one"])
    result = two.run("offsite_drill")
    assert "two has no snapshot in the offsite repository" in failure(result)
    assert materialised(result) == {"offsite_drill/one"}


def _claiming(two: Machine, *, keeps: bool) -> Machine:
    made = _configured(two, offsite={"append_only": True})
    offsite = FakeRestic("/fake/offsite", append_only=keeps)
    return replace(made, site=replace(made.site, offsite=offsite))


@pytest.mark.parametrize("keeps", [True, False])
def test_the_claim_is_tried_with_every_copy(two: Machine, keeps: bool) -> None:
    """Green where the canary is still there, an error where it could be deleted."""
    machine = _claiming(two, keeps=keeps)
    assert machine.run("daily_backup").success
    result = machine.run("offsite_copy")
    assert result.success
    check = evaluations(result)[CANARY_CHECK]
    assert (check.passed, check.severity) == (keeps, dg.AssetCheckSeverity.ERROR)
    assert ("is still there" if keeps else "was deleted") in str(check.description)


def test_a_claim_that_cannot_be_tried_is_red(two: Machine) -> None:
    """Unknown is not undeletable."""
    machine = _claiming(two, keeps=True)
    machine.run("daily_backup")
    assert isinstance(machine.site.offsite, FakeRestic)
    machine.site.offsite.faults["forget"] = Fault(RepositoryUnreachable("gone"))
    check = evaluations(machine.run("offsite_copy"))[CANARY_CHECK]
    assert not check.passed
    assert check.description == "deleting could not be tried: gone"


def test_without_a_claim_nothing_is_tried(copied: Machine) -> None:
    """The check is not even drawn, and the daily backup never tries."""
    graph = repository(copied.site).asset_graph
    assert CANARY_CHECK.split(":")[1] not in {key.name for key in graph.asset_check_keys}
    machine = _claiming(copied, keeps=True)
    machine.run("daily_backup")
    assert isinstance(machine.site.offsite, FakeRestic)
    machine.site.offsite.init()
    assert machine.site.offsite.snapshots(tag=CANARY) == ()
