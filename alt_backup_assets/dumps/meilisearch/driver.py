"""Meilisearch: its own snapshot, with the content of every index.

The two verbs of every engine: ``dump`` has a running server write a snapshot, ``rehearse`` loads
one into a throw-away server and takes the same content again. Where no such server can be had,
or the queue of tasks never rests, the proof is of the files in the snapshot only, and both the
record and its warnings say so.

Source: SPEC section 2, "Meilisearch"; Meilisearch documentation, "Snapshots".
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.inventory import Inventory, Item, settled
from alt_backup_assets.dumps.meilisearch import archive, task, throwaway
from alt_backup_assets.dumps.meilisearch import content as meilisearch_content
from alt_backup_assets.dumps.meilisearch import files as meilisearch_files
from alt_backup_assets.dumps.meilisearch.files import Copied
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.platforms.seam import Platform, Service
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools.http import HttpService, read_secret
from alt_backup_assets.tools.meilisearch import HTTP_PORT, Server

RESTORATION: Restoration = VolumeFiles(lay_out=meilisearch_files.lay_out)

_PROOF = "proof"
_BY_SERVER = "server"
_BY_FILES = "files"


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Have Meilisearch write a snapshot, and copy its file.

    Args:
        volume: An entry of the engine ``meilisearch``, with ``password_file`` where it has a key.
        platform: Where its service runs, and where its volume is.
        directory: An empty directory for the copy.

    Returns:
        The snapshot, and the content it has.

    Raises:
        DumpFailed: The task did not succeed, there is no document, or the file is not there,
            not new or not whole.
        ConfigurationError: The key cannot be read.
        ToolError: Meilisearch refused a call, or did not answer.
        PlatformError: The service or the volume is not there, or went away.
    """
    service = platform.service(volume.service)
    source = platform.volume_path(volume.name, volume.service)
    server = _server(volume, service)
    taken_at, begun = datetime.now(UTC), time.time()
    keys = meilisearch_content.may_list_keys(server.get)
    before = meilisearch_content.take(server.get, keys=keys)
    task.take_snapshot(server, volume)
    copied = meilisearch_files.copy_snapshot(source, directory, volume, not_before=begun)
    doubt = _doubt(server, volume, service)
    items = settled(before, meilisearch_content.take(server.get, keys=keys))
    if not any(meilisearch_content.documents(items).values()):
        raise DumpFailed(
            f"{service.label} holds no document: an empty volume never replaces the last good"
            " dump (did it start with the right --db-path?)"
        )
    watched = task.warnings(server.get, source / copied.database, taken_at)
    return Dumped(
        taken_at=taken_at,
        runtime=service.runtime,
        server_version=copied.archive.version,
        artifacts=copied.artifacts,
        content=_content(copied, items, by_files=doubt is not None),
        warnings=(*watched, *([doubt] if doubt else [])),
    )


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> Inventory:
    """Load a restored snapshot into a throw-away server and take its content again.

    Args:
        record: The dump's record.
        directory: The dump, as it came back from the repository.
        platform: Makes the throw-away target.

    Raises:
        DumpFailed: The snapshot is not whole, or the record is not of a Meilisearch dump.
        DrillError: The server refused the snapshot, or did not load it.
        ToolError: It did not start, or did not answer.
        PlatformError: No throw-away target could be made.
    """
    content = meilisearch_files.recorded(record)
    snapshot = meilisearch_files.snapshot_of(record, directory)
    found = archive.read(snapshot)
    if content.settings[_PROOF] == _BY_FILES:
        return Inventory(unit=content.unit, items=found.files)
    keys = any(item.name == meilisearch_content.KEYS for item in content.items)
    with throwaway.server(platform, record, snapshot) as ask:
        items = meilisearch_content.take(ask, keys=keys)
    return Inventory(unit=content.unit, items=items)


def _server(volume: Volume, service: Service) -> Server:
    key = read_secret(volume.password_file)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    url = volume.url or f"http://{service.address}:{HTTP_PORT}"
    return Server(HttpService(service.label, url, headers))


def _doubt(server: Server, volume: Volume, service: Service) -> str | None:
    """Return why a drill can compare no more than files; None where a server can prove it all."""
    if program := throwaway.missing_program(service):
        return (
            f"service {volume.service} has no program {program}: drills prove that the files of"
            " this snapshot are whole, and load them into no server"
        )
    if not task.is_drained(
        server.get, poll_seconds=volume.poll_seconds, timeout_seconds=volume.task_timeout_seconds
    ):
        return (
            f"tasks still waited in Meilisearch {volume.task_timeout_seconds:g} s after the"
            " snapshot, so its content with them is not known: a drill proves only that its"
            f" files are whole; set task_timeout_seconds of {volume.name} higher"
        )
    return None


def _content(copied: Copied, items: tuple[Item, ...], *, by_files: bool) -> Inventory:
    settings = {
        meilisearch_files.SNAPSHOT: copied.snapshot,
        meilisearch_files.DATABASE: copied.database,
        _PROOF: _BY_FILES if by_files else _BY_SERVER,
    }
    if not by_files:
        return Inventory(unit=meilisearch_content.UNIT, items=items, settings=settings)
    counts = {k: str(v) for k, v in meilisearch_content.documents(items).items()}
    return Inventory(unit="bytes", items=copied.archive.files, settings={**settings, **counts})
