"""Prometheus: a snapshot of its own making, with what every block of it holds.

Without the admin API there is no dump: a copy of live files is no fallback.

Source: SPEC section 2, "Prometheus"; Prometheus documentation, "HTTP API", TSDB Admin APIs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.dumps.engine import Dumped, Restoration, VolumeFiles
from alt_backup_assets.dumps.inventory import Inventory
from alt_backup_assets.dumps.prometheus import blocks, throwaway
from alt_backup_assets.dumps.prometheus.snapshot import MARK, Source, snapshot, source
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.dumps.tree import TREE, artifacts, copy_tree, read_tree
from alt_backup_assets.errors import DrillError, DumpFailed
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume

RESTORATION: Restoration = VolumeFiles(lay_out=lambda _record, directory: directory / TREE)


def dump(volume: Volume, platform: Platform, directory: Path) -> Dumped:
    """Have Prometheus make a snapshot, copy it, and remove it from the service.

    Args:
        volume: An entry of the engine ``prometheus``.
        platform: Where its service runs, and where its volume is.
        directory: An empty directory for the copy.

    Returns:
        The blocks, with how much each holds.

    Raises:
        DumpFailed: The admin API is disabled, the snapshot holds nothing, or is not whole.
        ToolError: Prometheus did not answer, or with something else.
        PlatformError: The service or the volume is not there, or went away.
    """
    service = platform.service(volume.service)
    prometheus = source(volume, service)
    path = platform.volume_path(volume.name, volume.service)
    version = prometheus.version
    warnings = _warnings(prometheus)
    taken_at = datetime.now(UTC)
    with snapshot(prometheus, path, warnings) as made:
        content = copy_tree(made, directory / TREE, wanted=lambda name: name != MARK)
    if changed := [entry.path for entry in content.entries if entry.changed]:
        raise DumpFailed(f"{changed[0]} changed while it was read, and blocks never do: run again")
    found = blocks.read(directory / TREE)
    if not any(block.stats.num_samples for block in found):
        raise DumpFailed(
            f"{service.label} holds no sample: an empty volume never replaces the last good dump"
            " (did it start with the right --storage.tsdb.path?)"
        )
    items = [
        *(blocks.samples(block.ulid, block.stats.num_samples, content) for block in found),
        *(blocks.expected_series(block, found) for block in found),
    ]
    return Dumped(
        taken_at=taken_at,
        runtime=service.runtime,
        server_version=version,
        artifacts=artifacts(content),
        content=Inventory(unit=blocks.UNIT, items=tuple(items)),
        warnings=tuple(warnings),
    )


def rehearse(record: DumpRecord, directory: Path, platform: Platform) -> Inventory:
    """Read every chunk of a restored dump, start a server on it and count its series.

    Args:
        record: The dump's record.
        directory: The dump, as it came back from the repository.
        platform: Makes the throw-away target.

    Returns:
        What Prometheus finds in it, to be compared with the record.

    Raises:
        DrillError: The record is of another engine, or the server did not get ready.
        DumpFailed: A block is not whole.
        ToolError: promtool or the server refused the blocks.
        PlatformError: No throw-away target could be made.
    """
    if record.runtime is None or not isinstance(record.content, Inventory):
        raise DrillError(f"the record of {record.volume} is not of a Prometheus dump")
    tree = directory / TREE
    content, found = read_tree(tree), blocks.read(tree)
    with platform.throwaway(record.service, record.runtime) as place:
        data = throwaway.opened(place, tree, found)
        items = [blocks.samples(name, n, content) for name, n in data.samples().items()]
        for block in found:
            data.read_chunks(block)
        with data.serving() as url:
            items += [blocks.series(block, data.series(url, block)) for block in found]
    return Inventory(unit=record.content.unit, items=tuple(items))


def _warnings(prometheus: Source) -> list[str]:
    window = prometheus.out_of_order
    late = (  # seen with 2.42.0
        f"Prometheus takes samples out of order (out_of_order_time_window is {window}) and its"
        " snapshots do not have those that are still in memory: they are in a dump some hours"
        " later, when it has written them into a block."
    )
    return [late] if window else []
