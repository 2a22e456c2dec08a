"""Turns the stages' values into what Dagster shows beside a materialisation."""

from typing import Any

import dagster as dg

from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.offsite.copy import Copied
from alt_backup_assets.snapshots.take import SnapshotTaken
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.self_test.result import SelfTestResult

Metadata = dict[str, Any]


def of_dump(dump: StoredDump) -> Metadata:
    """Describe a dump."""
    record = dump.record
    taken_at = dg.MetadataValue.timestamp(record.taken_at)
    return {
        **_data(dump),
        **({"dump/unchanged_since": taken_at} if dump.unchanged_at else {}),
        "dump/size_bytes": record.size_bytes,
        "dump/seconds": (record.finished_at - record.taken_at).total_seconds(),
        "dump/directory": dg.MetadataValue.path(dump.directory),
        "dump/server_version": record.server_version,
        "dump/sha256": {artifact.path: artifact.sha256 for artifact in record.artifacts},
    }


def of_snapshot(taken: SnapshotTaken) -> Metadata:
    """Describe a snapshot."""
    return {
        **_data(taken.dump),
        "restic/snapshot_id": taken.snapshot.id,
        "restic/tags": list(taken.snapshot.tags),
        "restic/total_bytes": taken.snapshot.total_bytes,
        "restic/is_new": taken.is_new,
    }


def of_copy(copied: Copied) -> Metadata:
    """Describe an offsite copy."""
    return {
        "data/taken_at": dg.MetadataValue.timestamp(copied.source.time),
        "restic/snapshot_id": copied.copy.id,
        "restic/copied_from": copied.source.id,
        "restic/is_new": copied.is_new,
    }


def of_proof(proof: Proof) -> Metadata:
    """Describe a drill, with a table of what was compared."""
    rows = [
        dg.TableRecord(
            {
                "name": line.name,
                "recorded": line.recorded,
                "restored": -1 if line.restored is None else line.restored,
                "equal": line.equal,
            }
        )
        for line in proof.compared
    ]
    return {
        "data/taken_at": dg.MetadataValue.timestamp(proof.taken_at),
        "drill/verdict": proof.verdict,
        "drill/source": proof.source,
        "drill/seconds": proof.duration_seconds,
        **{f"drill/{phase}_seconds": seconds for phase, seconds in proof.phases.items()},
        **{f"data/{name}": count for name, count in proof.counts.items()},
        "restic/snapshot_id": proof.snapshot,
        "drill/compared": dg.MetadataValue.table(rows, schema=_COMPARED),
    }


def of_self_test(result: SelfTestResult) -> Metadata:
    """Describe a self-test, with a table of the faults."""
    told = {True: "detected", False: "NOT DETECTED", None: "not planted"}
    rows = [
        dg.TableRecord(
            {
                "fault": fault.fault,
                "drill": told[fault.detected],
                "volume": fault.volume or "",
                "message": fault.message,
            }
        )
        for fault in result.faults
    ]
    return {
        "self_test/verdict": result.verdict,
        "self_test/checked_at": dg.MetadataValue.timestamp(result.checked_at),
        "self_test/detected": sum(fault.detected is True for fault in result.faults),
        "self_test/controls": {control.engine: control.proven for control in result.controls},
        "self_test/faults": dg.MetadataValue.table(rows, schema=_FAULTS),
    }


_FAULTS = dg.TableSchema(
    columns=[
        dg.TableColumn("fault", "string"),
        dg.TableColumn("drill", "string", description="what the drill made of it"),
        dg.TableColumn("volume", "string", description="whose copy it was planted in"),
        dg.TableColumn("message", "string", description="the drill's own sentence"),
    ]
)


_COMPARED = dg.TableSchema(
    columns=[
        dg.TableColumn("name", "string"),
        dg.TableColumn("recorded", "int", description="rows or bytes at the source"),
        dg.TableColumn("restored", "int", description="rows or bytes that came back; -1: missing"),
        dg.TableColumn("equal", "bool", description="content and all"),
    ]
)


def _data(dump: StoredDump) -> Metadata:
    counts = dump.record.content.counts()
    rows = {"dagster/row_count": counts["rows"]} if "rows" in counts else {}
    return {
        "data/taken_at": dg.MetadataValue.timestamp(dump.data_at),
        **{f"data/{name}": count for name, count in counts.items()},
        **rows,
    }
