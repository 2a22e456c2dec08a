"""Compares the registry with the platform and the local repository, both ways.

Whatever cannot be asked is an error here, never an empty list. Keep out: what a difference
means, which ``judge`` says.
"""

from __future__ import annotations

from collections.abc import Iterable

from alt_backup_assets.drift.judge import judge_entry, judge_unknown
from alt_backup_assets.drift.match import match
from alt_backup_assets.drift.report import Drift
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.tags import volume_of
from alt_backup_assets.tools.restic import Snapshot

NOT_COMPARED = (
    "WARNING: what the compose files declare was not compared: set platform.compose_files"
)


def read_drift(site: Site, snapshots: Iterable[Snapshot] | None = None) -> Drift:
    """Compare what is planned with what is declared, there, mounted and in snapshots.

    Args:
        site: The machine.
        snapshots: Those of the local repository, where somebody listed them already.

    Raises:
        PlatformError: The platform does not answer.
        ToolError: What is declared cannot be read.
        RepositoryError: The local repository does not open.
    """
    listed = site.platform.list_volumes()
    if snapshots is None:
        snapshots = site.local.snapshots(host=site.name)
    held = frozenset(volume_of(snapshot) for snapshot in snapshots)
    registry = site.registry.volumes
    matched = match(registry, listed.volumes)
    unknown = [volume.name for volume in matched.unknown if not volume.anonymous]
    without = [entry.name for entry in registry if entry.name not in matched.by_entry]
    volumes = (
        *(
            judge_entry(
                entry,
                matched.by_entry.get(entry.name),
                listed,
                today=site.today,
                unknown=unknown,
                in_snapshots={name for name in held if name},
            )
            for entry in registry
        ),
        *(judge_unknown(volume, without) for volume in matched.unknown),
    )
    drifted = [volume for volume in volumes if volume.drifted]
    return Drift(
        verdict="DRIFT" if drifted else "GOOD",
        reasons=(
            *(() if listed.declared else (NOT_COMPARED,)),
            *(f"{volume.name}: {volume.detail}" for volume in drifted),
        ),
        volumes=volumes,
    )
