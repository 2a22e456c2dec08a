"""Passes judgement on one volume; values in, one value out.

Source: SPEC section 1, "Drift".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from alt_backup_assets.drift.report import State, VolumeDrift
from alt_backup_assets.platforms.live_volumes import Mount, PlatformVolume, PlatformVolumes
from alt_backup_assets.registry.volume import Exclusion, Volume
from alt_backup_assets.values import near_miss


def judge_entry(
    entry: Volume,
    volume: PlatformVolume | None,
    listed: PlatformVolumes,
    *,
    today: date,
    unknown: Iterable[str],
    in_snapshots: Collection[str],
) -> VolumeDrift:
    """Judge an entry of the registry.

    Args:
        entry: The entry.
        volume: The platform's volume it speaks of; None where there is none.
        listed: All of the platform's volumes.
        today: The backup day.
        unknown: Names of the platform's volumes no entry speaks of, for the near miss.
        in_snapshots: Volumes that the local repository holds a snapshot of.
    """
    if volume is None and not may_be_unlisted(entry, listed):
        near = near_miss(entry.name, unknown)
        sides = "neither declared nor there" if listed.declared else "not there"
        remedy = "" if near else ": remove the entry, or bring the volume back"
        return _red(entry.name, "stale", f"it is {sides}{remedy}{near}")
    if entry.excluded is not None:
        return _excluded(entry.name, entry.excluded, today)
    if volume is not None and (wrong := _mounting(entry, volume)):
        return _red(entry.name, "not_mounted", wrong)
    wrong = "; ".join(_planned(entry, volume, listed, in_snapshots))
    return VolumeDrift(name=entry.name, state="planned", drifted=bool(wrong), detail=wrong)


def judge_unknown(volume: PlatformVolume, registry: Iterable[str]) -> VolumeDrift:
    """Judge a volume of the platform that no entry speaks of.

    Args:
        volume: The volume.
        registry: Names of entries without a volume, for the near miss.
    """
    users = _words(volume.mounts)
    if volume.anonymous:
        detail = (
            f"a volume without a name that holds data of {users}: declare it by name in the"
            " compose file, move the data there, and plan it"
        )
        return _red(volume.name, "anonymous", detail)
    nobody = "it is there" if volume.mounted_by is None else "mounted by nobody"
    there = f"mounted by {users}" if users else nobody
    if not volume.exists:
        there = f"declared for {users}, no volume exists yet" if users else "declared only"
    near = near_miss(volume.name, registry)
    remedy = "" if near else "; `alt-backup config propose` prints an entry"
    return _red(volume.name, "unplanned", f"nobody planned or excluded it ({there}){remedy}{near}")


def may_be_unlisted(entry: Volume, listed: PlatformVolumes) -> bool:
    """Tell whether an entry's volume may well be there without the platform listing it."""
    kept_by_service = entry.service in listed.services and entry.engine != "files"
    return not listed.complete and (entry.excluded is not None or kept_by_service)


def _excluded(name: str, excluded: Exclusion, today: date) -> VolumeDrift:
    if excluded.review < today:
        detail = (
            f"excluded until {excluded.review} ({excluded.reason}), and that day has passed:"
            " plan it, or give a new date"
        )
        return _red(name, "unplanned", detail)
    detail = f"excluded until {excluded.review} ({excluded.reason})"
    return VolumeDrift(name=name, state="excluded", drifted=False, detail=detail)


def _mounting(entry: Volume, volume: PlatformVolume) -> str:
    """Say why no container of an entry's service mounts its volume; empty where one does."""
    declared, mounted = _services(volume.declared_by), _services(volume.mounted_by)
    if declared and entry.service not in declared:
        near = near_miss(entry.service, declared)
        return (
            f"the compose files declare it for {_words(volume.declared_by)}, and the registry"
            f" says `{entry.service}`{near}"
        )
    if not volume.exists:
        return "declared, no volume exists yet"
    if volume.mounted_by is None or entry.service in mounted:
        return ""
    if not mounted:
        return f"no container mounts it, of `{entry.service}` or any other service"
    near = near_miss(entry.service, mounted)
    return f"`{entry.service}` does not mount it, {_words(volume.mounted_by)} does{near}"


def _planned(
    entry: Volume,
    volume: PlatformVolume | None,
    listed: PlatformVolumes,
    in_snapshots: Collection[str],
) -> Iterable[str]:
    if volume is not None and listed.declared and volume.declared_by is None:
        yield "it is there, but no service of the compose files mounts it any more"
    if entry.name not in in_snapshots:
        yield f"no snapshot holds it: run `alt-backup backup --include {entry.name}`"


def _services(mounts: tuple[Mount, ...] | None) -> frozenset[str]:
    return frozenset(mount.service for mount in mounts or ())


def _words(mounts: tuple[Mount, ...] | None) -> str:
    return ", ".join(f"`{service}`" for service in sorted(_services(mounts)))


def _red(name: str, state: State, detail: str) -> VolumeDrift:
    return VolumeDrift(name=name, state=state, drifted=True, detail=detail)
