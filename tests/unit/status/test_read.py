"""Reading the status: from the repositories and the ledger, and always with an answer."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.dumps.record import RECORD_NAME
from alt_backup_assets.errors import (
    RepositoryError,
    RepositoryLocked,
    RepositoryMissing,
    RepositoryUnreachable,
    ToolMissing,
    ToolTimeout,
    WrongPassword,
)
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.registry.volume import Registry
from alt_backup_assets.snapshots.tags import LEDGER
from alt_backup_assets.status.read import read_status
from alt_backup_assets.status.report import Status, VolumeStatus
from alt_backup_assets.verification.ledger import publish
from alt_backup_assets.verification.repository_check import check
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine

BOTH = (DB, TOKENS)


@pytest.fixture(name="good")
def _good(machine: Machine) -> Machine:
    """Return a machine where everything is as it should be."""
    machine.back_up()
    for volume in BOTH:
        machine.drill(volume)
    publish(machine.site)
    copy_snapshots(machine.site, BOTH)
    check(machine.site)
    machine.clock.advance(hours=1)
    return machine


def _volume(status: Status, name: str) -> VolumeStatus:
    return next(volume for volume in status.volumes if volume.name == name)


def test_all_is_good_where_all_is_there(good: Machine) -> None:
    """Every field is what the repositories and the ledger say."""
    status = read_status(good.site)
    assert (status.verdict, status.reasons) == ("GOOD", ())
    assert status.checked_at == good.clock.at
    assert status.latest_backup_at == good.clock.at - timedelta(hours=1)
    assert status.age_seconds == 3600
    assert (status.expected_volumes, status.actual_volumes, status.missing_volumes) == (2, 2, ())
    assert status.total_size_bytes == good.local.stored_bytes()
    assert status.checksums_ok
    assert status.posture.model_dump() == {
        "copies": 3,
        "media": 2,
        "offsite": True,
        "undeletable": False,
        "unproven": 0,
    }


def test_every_planned_volume_has_its_line(good: Machine) -> None:
    """With its newest snapshot, its copy, its proof; an excluded one has none."""
    status = read_status(good.site)
    assert [volume.name for volume in status.volumes] == [DB, TOKENS]
    line = _volume(status, DB)
    snapshot = good.local.snapshots(tag=DB)[-1]
    copy = good.offsite.snapshots(tag=DB)[-1]
    assert (line.service, line.engine, line.verdict, line.reasons) == ("db", "redis", "GOOD", ())
    assert (line.latest_snapshot, line.latest_snapshot_at) == (snapshot.id, snapshot.time)
    assert (line.offsite_snapshot, line.offsite_snapshot_at) == (copy.id, copy.time)
    assert (line.proven_snapshot, line.age_seconds) == (snapshot.id, 3600)
    assert line.proven_at == good.clock.at - timedelta(hours=1)


def test_it_can_be_written_and_read_again(good: Machine) -> None:
    """As JSON, with every value as it was."""
    status = read_status(good.site)
    assert Status.model_validate_json(status.model_dump_json()) == status


def test_an_empty_machine_is_critical(machine: Machine) -> None:
    """No repository yet: said for the whole and for each volume, with no exception."""
    status = read_status(machine.site)
    assert status.verdict == "CRITICAL"
    assert {volume.verdict for volume in status.volumes} == {"CRITICAL"}
    assert (status.actual_volumes, status.missing_volumes) == (0, BOTH)
    assert (status.latest_backup_at, status.age_seconds) == (None, None)
    assert status.total_size_bytes is None
    assert status.posture.copies == 1
    assert status.posture.unproven == 2


def test_an_empty_repository_is_critical(machine: Machine) -> None:
    """It opens, and holds nothing."""
    machine.local.init()
    machine.offsite.init()
    status = read_status(machine.site)
    assert status.verdict == "CRITICAL"
    assert "db_data: there is no snapshot at all" in status.reasons
    assert status.total_size_bytes == 0


def test_a_registry_without_volumes_is_critical(good: Machine) -> None:
    """Nothing is planned, so nothing is known to be safe."""
    empty = Registry(source="volumes.yaml", volumes=())
    status = read_status(replace(good.site, registry=empty))
    assert status.verdict == "CRITICAL"
    assert (status.posture.copies, status.posture.offsite) == (1, False)


@pytest.mark.parametrize(
    "error",
    [
        RepositoryMissing("no repository"),
        RepositoryLocked("locked"),
        WrongPassword("wrong password"),
        RepositoryUnreachable("gone"),
        RepositoryError("cannot be understood"),
        ToolMissing("no restic"),
        ToolTimeout("too slow"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_local_repository_that_cannot_be_read_is_critical(
    good: Machine, error: RepositoryError
) -> None:
    """With the reason, and still a status: somebody is waiting for the answer."""
    for call in ("snapshots", "stored_bytes"):
        good.local.faults[call] = Fault(error)
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert status.reasons[0] == f"the local repository cannot be read: {error}"
    line = _volume(status, DB)
    assert (line.verdict, line.latest_snapshot, line.age_seconds) == ("CRITICAL", None, None)
    assert status.total_size_bytes is None
    assert status.posture.unproven == 2


def test_an_offsite_repository_that_cannot_be_read_is_critical(good: Machine) -> None:
    """The volumes themselves are good; the whole is not, and no copy is claimed."""
    good.offsite.faults = {"snapshots": Fault(RepositoryUnreachable("gone"))}
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert status.reasons == ("the offsite repository cannot be read: gone",)
    assert {volume.verdict for volume in status.volumes} == {"GOOD"}
    assert _volume(status, DB).offsite_snapshot is None
    assert (status.posture.copies, status.posture.offsite) == (2, False)


def test_without_an_offsite_repository_none_is_claimed(good: Machine) -> None:
    """That is a fact of the posture, and no verdict."""
    status = read_status(replace(good.site, offsite=None))
    assert status.verdict == "GOOD"
    assert (status.posture.copies, status.posture.media, status.posture.offsite) == (2, 1, False)


def test_one_volume_that_is_not_offsite_takes_the_claim_away(good: Machine) -> None:
    """A copy counts when it holds every volume."""
    good.offsite.forget([good.offsite.snapshots(tag=TOKENS)[-1].id])
    posture = read_status(good.site).posture
    assert (posture.copies, posture.media, posture.offsite) == (2, 1, False)


def test_two_repositories_on_one_medium_are_one_medium(good: Machine) -> None:
    """Counted by the operator's own words."""
    config = good.site.config.model_dump()
    config["repositories"]["offsite"]["medium"] = "disk"
    site = replace(good.site, config=Configuration.model_validate(config))
    posture = read_status(site).posture
    assert (posture.copies, posture.media) == (3, 1)


def test_a_volume_that_stopped_shows_in_the_whole(good: Machine) -> None:
    """The age is that of the oldest of the newest: a dead volume is not hidden by the others."""
    good.clock.advance(hours=29)
    good.snapshot(TOKENS)
    good.drill(TOKENS)
    status = read_status(good.site)
    assert status.verdict == "WARNING"
    assert status.age_seconds == 30 * 3600
    assert status.missing_volumes == (DB,)
    assert (status.expected_volumes, status.actual_volumes) == (2, 1)
    assert _volume(status, DB).verdict == "WARNING"
    assert _volume(status, TOKENS).verdict == "GOOD"
    assert "db_data: it is missing from the newest set of snapshots" in status.reasons


def test_the_ledger_is_no_volume(good: Machine) -> None:
    """Its snapshots, newer than all others, make nobody late."""
    good.clock.advance(hours=24)
    publish(good.site)
    assert good.local.snapshots(tag=LEDGER)[-1].time == good.clock.at
    status = read_status(good.site)
    assert status.age_seconds == 25 * 3600
    assert (status.verdict, status.missing_volumes) == ("GOOD", ())


def test_a_new_snapshot_that_waits_for_its_drill_is_counted(good: Machine) -> None:
    """The volume is good by its older proof; the posture says what is not proven."""
    good.snapshot(DB)
    status = read_status(good.site)
    assert (status.verdict, status.posture.unproven) == ("GOOD", 1)


def test_a_failed_drill_makes_it_critical(good: Machine) -> None:
    """Its differences are the reason."""
    snapshot = good.local.snapshots(tag=DB)[-1]
    good.local.damage_file(snapshot.id, "data.bin", b"rows of db_datA")
    good.drill(DB)
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert "data.bin has sha256" in status.reasons[0]
    assert _volume(status, TOKENS).verdict == "GOOD"


def test_a_damaged_ledger_is_critical(good: Machine) -> None:
    """Its proofs count no longer, and the reason is said."""
    ledger = good.site.state / "ledger" / f"{DB}.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"previous":"0', b'"previous":"1'))
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert "behind our back" in status.reasons[0]
    assert status.reasons[1].startswith("the proofs of db_data cannot be believed: ")
    assert _volume(status, DB).proven_snapshot is None
    assert _volume(status, TOKENS).proven_snapshot is not None


def test_a_lost_ledger_is_read_from_the_repository(good: Machine) -> None:
    """The proofs were put there."""
    shutil.rmtree(good.site.state / "ledger")
    assert read_status(good.site).verdict == "GOOD"


def test_a_lost_ledger_that_cannot_come_back_is_critical(good: Machine) -> None:
    """Not an exception, and not "never proven" alone."""
    shutil.rmtree(good.site.state / "ledger")
    good.local.faults = {"restore": Fault(RepositoryError("pack is damaged"))}
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert "the proofs cannot be read: pack is damaged" in status.reasons


def _newest_dump(machine: Machine, name: str) -> str:
    (directory,) = (machine.site.state / "dumps" / DB).iterdir()
    return str(directory / name)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.bin", "rows of db_datA", "db_data: data.bin has sha256"),
        ("data.bin", "", "db_data: data.bin has 0 bytes, 15 were written"),
        (RECORD_NAME, "{", "has no readable record"),
    ],
    ids=["other bytes", "emptied", "record"],
)
def test_a_wrong_checksum_is_a_warning(good: Machine, name: str, content: str, said: str) -> None:
    """Of the newest dump on the disk; the snapshots are as they were."""
    with open(_newest_dump(good, name), "w") as file:  # noqa: PTH123 -- one line
        file.write(content)
    status = read_status(good.site)
    assert (status.verdict, status.checksums_ok) == ("WARNING", False)
    assert said in status.reasons[0]


def test_a_failed_repository_check_is_a_warning(good: Machine) -> None:
    """With what it found."""
    good.local.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError):
        check(good.site)
    status = read_status(good.site)
    assert (status.verdict, status.checksums_ok) == ("WARNING", False)
    assert status.reasons == ("the newest repository check failed: pack 12ab is damaged",)


def test_a_size_that_cannot_be_read_is_unknown(good: Machine) -> None:
    """Not 0."""
    good.local.faults = {"stored_bytes": Fault(RepositoryError("no"))}
    assert read_status(good.site).total_size_bytes is None


def test_a_state_directory_that_cannot_be_used_is_critical(good: Machine) -> None:
    """A full or broken disk raises the system's own error: still an answer, for every volume."""
    shutil.rmtree(good.site.state)
    good.site.config.directories.state.write_text("a file where the directory was")
    status = read_status(good.site)
    assert status.verdict == "CRITICAL"
    assert status.reasons[0].startswith("our own files cannot be read: ")
    assert {volume.verdict for volume in status.volumes} == {"CRITICAL"}
    assert status.missing_volumes == BOTH
    assert not status.checksums_ok


def test_a_record_of_the_check_that_is_damaged_is_a_warning(good: Machine) -> None:
    """Nobody knows how it ended, and unknown is not good."""
    (good.site.state / "repository-check.json").write_text("{")
    status = read_status(good.site)
    assert (status.verdict, status.checksums_ok) == ("WARNING", False)
    assert "run `alt-backup check`" in status.reasons[0]


def test_a_failed_check_of_the_offsite_repository_is_a_warning(good: Machine) -> None:
    """Where the operator has it checked."""
    settings = good.site.config.model_dump()
    settings["repositories"]["offsite"]["check"] = True
    site = replace(good.site, config=Configuration.model_validate(settings))
    good.offsite.damage = "pack 12ab is damaged"
    with pytest.raises(RepositoryError):
        check(site, source="offsite")
    status = read_status(site)
    assert status.verdict == "WARNING"
    assert status.reasons == (
        "the newest check of the offsite repository failed: pack 12ab is damaged",
    )


def test_a_failed_drill_from_offsite_is_not_healed_by_one_from_here(good: Machine) -> None:
    """A damaged copy stays critical until the copy itself is proved."""
    good.engine.rehearse_errors[DB].append(ToolMissing("no server"))
    good.drill(DB, source="offsite")
    good.drill(DB)
    line = _volume(read_status(good.site), DB)
    assert line.verdict == "CRITICAL"
    assert line.reasons[0].startswith("the newest drill from offsite, of ")
    assert line.offsite_proven_at is None
    good.drill(DB, source="offsite")
    line = _volume(read_status(good.site), DB)
    assert (line.verdict, line.offsite_proven_at) == ("GOOD", good.clock.at)
