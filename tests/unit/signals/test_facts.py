"""Reading the facts: once, and what cannot be read is not known."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alt_backup_assets.dumps.record import Artifact, DumpRecord
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import PlatformError, RepositoryUnreachable, WrongPassword
from alt_backup_assets.registry.volume import Registry, Volume
from alt_backup_assets.signals.facts import Chain, DatabaseDump, read_facts
from alt_backup_assets.snapshots.tags import LEDGER
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine


def test_everything_is_read_once(good: Machine) -> None:
    """Each repository is listed a single time, whoever needs the listing."""
    facts = read_facts(good.site)
    assert good.local.calls.count("snapshots") == 1
    assert good.offsite.calls.count("snapshots") == 1
    assert facts.status.checked_at == good.clock.at
    assert facts.status.verdict == "GOOD"
    assert set(facts.objectives) == {DB, TOKENS}
    assert facts.check is not None
    assert facts.check.error is None


def test_the_ledger_is_no_snapshot_of_a_volume(good: Machine) -> None:
    """Published later than all others, it is neither counted nor the newest."""
    assert good.local.snapshots(tag=LEDGER)
    facts = read_facts(good.site)
    assert facts.local is not None
    assert facts.local.count == 2
    assert facts.local.newest_at == good.clock.at - timedelta(hours=1)
    assert facts.offsite is not None
    assert facts.offsite.count == 2


def test_drills_come_from_the_ledger(good: Machine) -> None:
    """Every volume's chain, in order."""
    good.drill(DB)
    chain = read_facts(good.site).chains[DB]
    assert chain.drills is not None
    assert [proof.verdict for proof in chain.drills] == ["PROVEN", "PROVEN"]


def test_a_chain_that_cannot_be_believed_is_not_an_empty_one(good: Machine) -> None:
    """The others are read all the same."""
    ledger = good.site.state / "ledger" / f"{DB}.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"previous":"0', b'"previous":"1'))
    chains = read_facts(good.site).chains
    assert chains[DB] == Chain(None)
    assert chains[TOKENS].drills


def test_a_ledger_that_cannot_be_opened_is_no_ledger(good: Machine) -> None:
    """It is gone, and so is the repository it would come back from."""
    shutil.rmtree(good.site.state / "ledger")
    good.local.faults = {"snapshots": Fault(RepositoryUnreachable("no route"))}
    assert read_facts(good.site).chains == {}


@pytest.mark.parametrize("side", ["local", "offsite"])
def test_a_repository_that_does_not_open_is_not_an_empty_one(good: Machine, side: str) -> None:
    """Nothing is known of it; what is known of the other stays."""
    restic = good.local if side == "local" else good.offsite
    restic.faults = {"snapshots": Fault(WrongPassword("it does not open"))}
    facts = read_facts(good.site)
    assert (facts.local is None, facts.offsite is None) == (side == "local", side == "offsite")
    assert facts.status.verdict == "CRITICAL"
    assert (facts.drift is None) == (side == "local")


def test_without_an_offsite_repository_there_is_none_to_be_unreachable(good: Machine) -> None:
    """Not configured is another thing than not reachable."""
    facts = read_facts(replace(good.site, offsite=None))
    assert (facts.has_offsite, facts.offsite) == (False, None)


def test_drift_is_judged_or_unknown(good: Machine) -> None:
    """A platform that does not answer is no platform without drift."""
    facts = read_facts(good.site)
    assert facts.drift is not None
    assert {volume.state for volume in facts.drift.volumes} == {"planned", "excluded"}
    good.platform.listed = PlatformError("the engine does not answer")
    assert read_facts(good.site).drift is None


def test_the_files_of_dumps_are_counted_without_their_records(good: Machine) -> None:
    """One file a dump here; what is incoming is no dump yet."""
    (good.site.state / "dumps" / DB / ".incoming-1").mkdir()
    (good.site.state / "dumps" / DB / ".incoming-1" / "half").touch()
    assert read_facts(good.site).dump_files == 2


def test_a_dump_that_expires_while_its_files_are_counted(
    good: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds its lock; the metrics are told all the same."""
    expiring = good.site.state / "dumps" / DB / "20000101T000000Z" / "files"
    expiring.mkdir(parents=True)
    (expiring / "old").touch()
    scandir = os.scandir

    def expire(path: str | Path | int) -> object:
        if str(path) == str(expiring) and expiring.exists():
            (expiring / "old").unlink()
            expiring.rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", expire)
    assert read_facts(good.site).dump_files == 2
    assert not expiring.exists()


def test_the_tightest_disk_counts(good: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the places backups are written to, the one with the smallest free share."""
    usage = type(shutil.disk_usage("/"))
    free = {good.site.state: usage(100, 40, 60), good.site.scratch: usage(1000, 950, 50)}
    monkeypatch.setattr(shutil, "disk_usage", free.__getitem__)
    disk = read_facts(good.site).disk
    assert (disk.total_bytes, disk.used_bytes, disk.free_bytes) == (1000, 950, 50)


def _with_databases(machine: Machine, **databases: tuple[str, ...]) -> Machine:
    volumes = tuple(
        Volume(
            name=name,
            service="db",
            engine="postgresql",
            category="critical",
            user="u",
            databases=names,
        )
        for name, names in databases.items()
    )
    machine.site = replace(machine.site, registry=Registry(source="r.yaml", volumes=volumes))
    return machine


def _a_record(machine: Machine) -> DumpRecord:
    dump = store(machine.site).newest(DB)
    assert dump is not None
    return dump.record


def _dump(machine: Machine, volume: str, taken_at: datetime, **sizes: int) -> None:
    """Keep a dump whose record is made up, as one of a PostgreSQL server."""
    record = _a_record(machine).model_copy(
        update={
            "volume": volume,
            "dump_id": f"{taken_at:%Y%m%dT%H%M%SZ}",
            "taken_at": taken_at,
            "artifacts": tuple(
                Artifact(path=f"{name}.dump", size_bytes=size, sha256="0")
                for name, size in sizes.items()
            ),
        }
    )
    dumps = store(machine.site)
    with dumps.incoming(volume) as directory:
        dumps.keep(directory, record)


def test_every_database_has_its_newest_dump(good: Machine) -> None:
    """Also of several in one server; the older dumps do not count."""
    at = good.clock.at
    machine = _with_databases(good, one=("alt", "kratos"))
    _dump(machine, "one", at - timedelta(hours=2), alt=1, kratos=2)
    _dump(machine, "one", at - timedelta(hours=1), alt=3, kratos=4)
    assert read_facts(machine.site).databases == (
        DatabaseDump("alt", at - timedelta(hours=1), 3),
        DatabaseDump("kratos", at - timedelta(hours=1), 4),
    )


def test_a_dump_seen_unchanged_has_a_renewed_time(good: Machine) -> None:
    """An idle database is as fresh as the last look at it."""
    at = good.clock.at
    machine = _with_databases(good, one=("alt",))
    _dump(machine, "one", at - timedelta(hours=9), alt=1)
    newest = store(machine.site).newest("one")
    assert newest is not None
    store(machine.site).confirm(newest, at)
    assert read_facts(machine.site).databases == (DatabaseDump("alt", at, 1),)


def test_of_two_databases_with_one_name_the_older_counts(good: Machine) -> None:
    """A name is one series: it is as fresh as the worse of the two, and as large as both."""
    at = good.clock.at
    machine = _with_databases(good, one=("app",), two=("app",))
    _dump(machine, "one", at - timedelta(hours=9), app=10)
    _dump(machine, "two", at, app=5)
    assert read_facts(machine.site).databases == (DatabaseDump("app", at - timedelta(hours=9), 15),)


def test_a_database_without_a_dump_has_no_time(good: Machine) -> None:
    """Neither where there is no dump at all, nor where the newest lacks it."""
    at = good.clock.at
    machine = _with_databases(good, one=("alt", "new"), two=("alt",), three=("other",))
    _dump(machine, "one", at, alt=1)
    assert read_facts(machine.site).databases == (
        DatabaseDump("alt", None, None),
        DatabaseDump("new", None, None),
        DatabaseDump("other", None, None),
    )
