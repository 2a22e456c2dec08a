"""Finds the sound dumps that faults are planted in: small ones, so that a self-test stays quick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.planters import PLANTERS
from alt_backup_assets.dumps.planting import Planting, Sound
from alt_backup_assets.dumps.record import artifact_differences, read_record
from alt_backup_assets.dumps.take import require_space
from alt_backup_assets.errors import DrillError, NoSnapshot
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import of_volume
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.drill import Target
from alt_backup_assets.verification.self_test.bench import Bench

_TRIES = 3
_LARGE_BYTES = 1 << 30
_COPIES = 8
"""The dump, what an engine makes of it, the scratch repository, and what is restored from it."""


@dataclass(frozen=True)
class Chosen:
    """What one engine plants, and in what.

    Attributes:
        sound: The dump.
        planting: The faults, prepared.
    """

    sound: Sound
    planting: Planting


def candidates(site: Site, listed: Iterable[Snapshot]) -> Mapping[str, tuple[Target, ...]]:
    """Return the newest snapshot of every volume, by engine, the smallest first.

    Args:
        site: The machine.
        listed: Its local repository's snapshots.

    Returns:
        An entry for every engine that has both faults and planned volumes, and an empty one
        where none of these has a snapshot.
    """
    snapshots = tuple(listed)
    found: dict[str, list[Target]] = {}
    for volume in site.registry.planned:
        if volume.engine in PLANTERS:
            newest = of_volume(snapshots, volume.name)[-1:]
            targets = found.setdefault(volume.engine, [])
            targets += [Target(volume.name, snapshot, "local") for snapshot in newest]
    return {
        engine: tuple(sorted(found[engine], key=_size)) for engine in PLANTERS if engine in found
    }


def choose(bench: Bench, engine: str, targets: tuple[Target, ...]) -> Chosen:
    """Restore the smallest dump that every fault of an engine can be planted in.

    Args:
        bench: Where to.
        engine: Whose faults.
        targets: Its volumes' newest snapshots, in the order in which they are tried.

    Returns:
        The first that lacks nothing; of those that were tried the first, where all lack
        something.

    Raises:
        NoSnapshot: There is none.
        NotEnoughSpace: There is no room for the smallest one.
        AltBackupError: It could not be restored, is damaged, or could not be made ready.
    """
    if not targets:
        raise NoSnapshot(f"no volume of the engine {engine} has a snapshot to plant it in")
    tried: list[Chosen] = []
    for number, target in enumerate(targets[:_TRIES]):
        if number and _size(target) > _LARGE_BYTES:
            break  # the faults that the smaller ones lack are not worth it
        room = bench.directory(f"{engine}-{number}")
        tried.append(_prepare(bench, engine, target, room))
        if not tried[-1].planting.lacking:
            return tried[-1]
    return tried[0]


def _prepare(bench: Bench, engine: str, target: Target, room: Path) -> Chosen:
    site = bench.real
    require_space(
        site.scratch, _size(target) * _COPIES, f"the self-test with a copy of {target.volume}"
    )
    directory, prepared = room / "sound", room / "prepared"
    for made in (directory, prepared):
        made.mkdir(mode=0o700)
    site.local.restore(target.snapshot, directory)
    sound = Sound(read_record(directory), directory)
    if damaged := artifact_differences(sound.record, directory):
        raise DrillError(
            f"the snapshot of {target.volume} to plant it in is damaged itself: {damaged[0]}"
        )
    planting = PLANTERS[engine].plant(sound, prepared, site.platform)
    return Chosen(sound, planting)


def _size(target: Target) -> int:
    return target.snapshot.total_bytes or 0
