"""Records and proofs that no run has made: of a dump just taken, and numbered ones."""

from __future__ import annotations

from datetime import date

from alt_backup_assets.dumps.engine import Dumped
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.verification.proof import Proof
from tests.fakes.clock import NOW
from tests.fakes.site import DB


def record_of(volume: Volume, dumped: Dumped, **changes: object) -> DumpRecord:
    """Return the record of a dump that an engine has taken; its id is ``one``."""
    record = DumpRecord(
        dump_id="one",
        platform="tests",
        volume=volume.name,
        service=volume.service,
        engine=str(volume.engine),
        taken_at=dumped.taken_at,
        finished_at=dumped.taken_at,
        backup_day=date(2026, 11, 23),
        root_run=None,
        runtime=dumped.runtime,
        server_version=dumped.server_version,
        size_bytes=1,
        data_bytes=dumped.data_bytes,
        artifacts=dumped.artifacts,
        content=dumped.content,
        warnings=dumped.warnings,
        server_state=dumped.server_state,
    )
    return record.model_copy(update=changes)


def numbered_proof(number: int, volume: str = DB) -> Proof:
    """Return a proof that can be told from others by its number."""
    return Proof(
        volume=volume,
        snapshot=f"{number:064x}",
        source="local",
        verdict="PROVEN",
        differences=(),
        taken_at=NOW,
        drilled_at=NOW,
        phases={"fetch": 1.5},
        counts={"rows": number},
    )
