"""What a long life leaves behind: dumps on disk, snapshots in both repositories, proofs.

The values are the product's own and look like those of a middling platform; only how they get to
the disk is shorter. What ought to come out is a status without any fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.dumps.files.content import FileEntry, FilesContent
from alt_backup_assets.dumps.postgresql.content import (
    DatabaseContent,
    PostgresqlContent,
    Relation,
)
from alt_backup_assets.dumps.record import RECORD_NAME, Artifact, Content, DumpRecord
from alt_backup_assets.platforms.seam import Runtime
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import DumpTags
from alt_backup_assets.verification.ledger import publish
from alt_backup_assets.verification.proof import Proof, Source
from alt_backup_assets.verification.self_test import result as self_test
from benchmarks.scale.repository import Repository, Wanted

RELATIONS = 40
"""Tables of a database."""
COMPARED = 20
"""Lines of a drill's table."""
DUMPS_ON_DISK = 7

_DUMP = b"as many bytes as matter here\n" * 128
_DIGEST = hashlib.sha256(_DUMP).hexdigest()


@dataclass(frozen=True)
class Day:
    """One backup of one volume."""

    record: DumpRecord
    snapshot: str


def make_history(site: Site, *, days: int, proofs_a_day: int) -> None:
    """Make the history of every planned volume, ending an hour ago.

    Args:
        site: A site without any state so far.
        days: Snapshots of each volume, one a day.
        proofs_a_day: Drills of each snapshot, from the local repository and offsite by turns.
    """
    planned = site.registry.planned
    staging = site.state / "staging"
    records = {v.name: list(_records(site, v, days)) for v in planned}
    for name, made in records.items():
        (staging / name).mkdir(parents=True)
        _write_dump(staging / name, made[-1])
        for record in made[-DUMPS_ON_DISK:]:
            _write_dump(site.state / "dumps" / name / record.dump_id, record)
    site.local.init()
    first = site.now() - timedelta(days=days + 1)
    seed = site.local.backup(staging, host="seed", tags=["seed"], taken_at=first)
    assert site.offsite is not None
    site.offsite.init(chunker_from=site.local)
    site.offsite.copy_from(site.local, [seed.id])
    ids = _snapshots(site, [record for made in records.values() for record in made])
    for name, made in records.items():
        chain = [Day(record, ids[record.volume, record.dump_id]) for record in made]
        _write_chain(site.state / "ledger" / f"{name}.jsonl", chain, proofs_a_day)
    publish(site)
    self_test.record(site, _self_test(site))


def _self_test(site: Site) -> self_test.SelfTestResult:
    return self_test.SelfTestResult(
        checked_at=site.now(),
        controls=(self_test.ControlResult(engine="files", proven=True),),
        faults=(self_test.FaultResult(fault="file zeroed", detected=True, message=""),),
    )


def _records(site: Site, volume: Volume, days: int) -> Iterator[DumpRecord]:
    content = _content(volume)
    artifacts = (Artifact(path="database.dump", size_bytes=len(_DUMP), sha256=_DIGEST),)
    for age in reversed(range(days)):
        taken_at = site.now() - timedelta(days=age, hours=1)
        yield DumpRecord(
            dump_id=taken_at.strftime("%Y%m%dT%H%M%S.%fZ"),
            platform=site.name,
            volume=volume.name,
            service=volume.service,
            engine=str(volume.engine),
            taken_at=taken_at,
            finished_at=taken_at + timedelta(seconds=5),
            backup_day=site.day_of(taken_at),
            root_run=None,
            runtime=Runtime("postgres:17", _DIGEST),
            server_version="17.12",
            size_bytes=len(_DUMP),
            artifacts=artifacts,
            content=content,
        )


def _content(volume: Volume) -> Content:
    if volume.engine == "files":
        entries = (
            FileEntry(
                path=f"directory/file-{number}.json",
                kind="file",
                size_bytes=4096,
                mode=0o600,
                owner="1000:1000",
                content=_DIGEST,
            )
            for number in range(RELATIONS)
        )
        return FilesContent(entries=tuple(entries))
    tables = [f"public.table_{number:02d}" for number in range(RELATIONS)]
    return PostgresqlContent(
        superuser="postgres",
        roles={"postgres": _DIGEST},
        preload="",
        databases=(
            DatabaseContent(
                name=volume.databases[0],
                schema_objects={f"TABLE {name}": _DIGEST for name in tables},
                relations=tuple(Relation(name=n, rows=1000, content="1" * 20) for n in tables),
                sequences=(),
                extensions={"plpgsql": "1.0"},
            ),
        ),
    )


def _write_dump(directory: Path, record: DumpRecord) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / record.artifacts[0].path).write_bytes(_DUMP)
    (directory / RECORD_NAME).write_text(record.model_dump_json(indent=1))


def _snapshots(site: Site, records: Sequence[DumpRecord]) -> dict[tuple[str, str], str]:
    """Put a snapshot of every record into both repositories; return their ids."""
    places = site.config.repositories
    assert places.offsite is not None
    cache = site.state / "restic-cache"
    local, offsite = (
        Repository(site.config.restic, Path(place.url), place.password_file, cache)
        for place in (places.local, places.offsite)
    )
    wanted = [
        Wanted(str(site.state / "staging" / r.volume), DumpTags.of(r).all, r.taken_at)
        for r in records
    ]
    size = len(_DUMP)
    ids = local.write(wanted, host=site.name, total_bytes=size)
    copies = [
        Wanted(w.path, w.tags, w.taken_at, original)
        for w, original in zip(wanted, ids, strict=True)
    ]
    offsite.write(copies, host=site.name, total_bytes=size)
    return {(r.volume, r.dump_id): i for r, i in zip(records, ids, strict=True)}


def _write_chain(path: Path, days: Sequence[Day], proofs_a_day: int) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    previous = "0" * 64
    with path.open("wb") as stream:
        for day in days:
            for proof in _proofs(day, proofs_a_day):
                line = f'{{"previous":"{previous}","proof":{proof.model_dump_json()}}}'.encode()
                stream.write(line + b"\n")
                previous = hashlib.sha256(line).hexdigest()


def _proofs(day: Day, proofs_a_day: int) -> Iterator[Proof]:
    sources: tuple[Source, Source] = ("local", "offsite")
    record = day.record
    for number in range(proofs_a_day):
        yield Proof(
            volume=record.volume,
            snapshot=day.snapshot,
            source=sources[number % 2],
            verdict="PROVEN",
            differences=(),
            taken_at=_second(record.taken_at),
            drilled_at=record.taken_at + timedelta(minutes=10 + number),
            phases={"fetch": 1.204, "hash": 0.003, "restore": 5.121},
            counts=record.content.counts(),
            compared=tuple(
                Compared(name=f"database.public.table_{n:02d}", recorded=9, restored=9, equal=True)
                for n in range(COMPARED)
            ),
            dump_id=record.dump_id,
            runtime=record.runtime,
            server_version=record.server_version,
            record_sha256=_DIGEST,
            dump_sha256=record.dump_sha256,
            fingerprint=_DIGEST,
            tools={"alt_backup_assets": "0.1.0", "restic": "0.18.0"},
        )


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
