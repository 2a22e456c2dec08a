"""What a dump says about itself: the record that travels with it.

Holds the frozen values written beside every dump and read again by snapshots, drills and
status. What an engine found in the data (its *content*) is defined by the engine's own module
and joined here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.postgresql.content import PostgresqlContent
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Runtime
from alt_backup_assets.values import Frozen

RECORD_NAME = "record.json"

Content = Annotated[PostgresqlContent | FilesContent | Inventory, Field(discriminator="kind")]


class Artifact(Frozen):
    """One file a driver wrote, with the hash of the bytes that were written.

    Attributes:
        path: Relative to the dump's directory.
        size_bytes: Its length.
        sha256: Taken while it was written, not read back.
    """

    path: str
    size_bytes: int
    sha256: str


class ServerState(Frozen):
    """Where a database server stood before a dump of it began.

    Attributes:
        system_identifier: The cluster's own, for all its life.
        timeline: Its branch of history.
        running_since: When it began to run, or to run again after a crash; None where unknown.
        oldest_transaction: Every transaction before this one had ended.
        next_transaction: No transaction from this one on had ended.
    """

    system_identifier: str
    timeline: int
    running_since: str | None
    oldest_transaction: int
    next_transaction: int

    @property
    def is_settled(self) -> bool:
        """Whether an equal state is that of equal data: no transaction hung in the air.

        A prepared transaction does, until it is committed or rolled back.
        """
        ended = self.oldest_transaction == self.next_transaction
        return ended and self.running_since is not None


class DumpRecord(Frozen):
    """What a dump is, when its data is from, and what is in it.

    Attributes:
        dump_id: Unique for its volume and in the order of time.
        taken_at: Data time: the dump shows the data as it was at this moment.
        finished_at: When the dump was complete.
        backup_day: The partition it belongs to, in the configured time zone.
        root_run: The run, with its reruns, that made it; None outside Dagster.
        runtime: The program files the service ran on, for the throw-away target of a drill;
            None where no program is needed to open the dump.
        size_bytes: Everything the dump holds.
        data_bytes: What the live data takes up, for the room a drill needs; None where that is
            not known.
        artifacts: The files beside this record.
        content: What the engine found in the data at ``taken_at``.
        warnings: What is wrong at the source without making this dump a bad one, in sentences.
        server_state: Where the server stood before; None where that was not asked.
    """

    format: Literal[1] = 1
    dump_id: str
    platform: str
    volume: str
    service: str
    engine: str
    taken_at: AwareDatetime
    finished_at: AwareDatetime
    backup_day: date
    root_run: str | None
    runtime: Runtime | None
    server_version: str
    size_bytes: int
    data_bytes: int | None = None
    artifacts: tuple[Artifact, ...]
    content: Content
    warnings: tuple[str, ...] = ()
    server_state: ServerState | None = None

    @property
    def dump_sha256(self) -> str | None:
        """One hash for all files a driver wrote: over their paths and hashes, in a fixed order.

        None for a dump that is the volume's files as they are; their hashes are its content.
        """
        if not self.artifacts:
            return None
        return _digest(sorted((artifact.path, artifact.sha256) for artifact in self.artifacts))

    @property
    def fingerprint(self) -> str:
        """One hash for the content: equal for equal content, whatever process computes it."""
        return _digest(self.content.model_dump(mode="json"))


def read_record(directory: Path) -> DumpRecord:
    """Read the record of a dump.

    Raises:
        DumpFailed: There is none, or it is damaged or unreadable: the directory holds no dump.
    """
    path = directory / RECORD_NAME
    try:
        return DumpRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DumpFailed(f"{directory} has no {RECORD_NAME}: it is not a complete dump") from None
    except OSError as error:
        raise DumpFailed(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DumpFailed(f"{path} is damaged: {where}: {first['msg']}") from None


def artifact_differences(record: DumpRecord, directory: Path) -> tuple[str, ...]:
    """Compare the files of a dump with the hashes taken while they were written.

    Returns:
        A sentence per file that is missing, shorter, longer or different.
    """
    found = (_artifact_difference(artifact, directory) for artifact in record.artifacts)
    return tuple(sentence for sentence in found if sentence)


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _artifact_difference(artifact: Artifact, directory: Path) -> str | None:
    path = directory / artifact.path
    if not path.is_file():
        return f"{artifact.path} is missing"
    size = path.stat().st_size
    if size != artifact.size_bytes:
        return f"{artifact.path} has {size} bytes, {artifact.size_bytes} were written"
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != artifact.sha256:
        return f"{artifact.path} has sha256 {digest[:12]}…, {artifact.sha256[:12]}… was written"
    return None


@dataclass(frozen=True)
class Comparison:
    """What a drill found.

    Attributes:
        differences: A sentence for everything that did not come back as it was.
        compared: A line for everything that was compared.
    """

    differences: tuple[str, ...]
    compared: tuple[Compared, ...]


def compare(recorded: Content, restored: Content) -> Comparison:
    """Compare what an engine found at the source with what it found in the restored copy."""
    if type(restored) is not type(recorded):
        return Comparison((f"restored as {restored.kind}, recorded as {recorded.kind}",), ())
    same: Any = restored  # the union's members compare only with their own kind
    differences, compared = recorded.differences(same), recorded.compared(same)
    if not compared:  # equal to nothing is not a proof
        differences = (*differences, "nothing was compared")
    return Comparison(differences, compared)
