"""The chain of every volume: dump, snapshot, offsite copy, restore drill.

One operation per stage, its specs drawn from the registry, any part of it selectable. Volumes
run side by side inside; each one's events are sent as it ends; when the last has ended the
operation fails if any failed, naming all of them.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import dagster as dg

from alt_backup_assets.definitions import checks, keys, metadata
from alt_backup_assets.definitions.jobs import SPARING
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import VolumesFailed
from alt_backup_assets.offsite.copy import copy_snapshots, require_copies
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import BackedUp, back_up
from alt_backup_assets.verification.drill_all import Drilled, drill_all
from alt_backup_assets.verification.listing import Listing
from alt_backup_assets.verification.retention import retain

Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]

SNAPSHOT_TAG = "alt_backup/snapshot"
"""On a run the drill sensor asked for: the one snapshot to drill."""


def volume_specs(site: Site) -> list[dg.AssetSpec]:
    """Return the external assets lineage starts from: every volume the registry knows."""
    return [
        dg.AssetSpec(
            Names(site).key(keys.VOLUME, volume.name),
            group_name=keys.VOLUME,
            description=_describe(volume),
            kinds={volume.engine} if volume.engine else set(),
            metadata={"service": volume.service, "category": volume.category},
        )
        for volume in site.registry.volumes
    ]


def _describe(volume: Volume) -> str:
    if volume.excluded:
        review = volume.excluded.review
        return f"Not backed up: {volume.excluded.reason} (to be reviewed by {review})."
    return f"The volume of the service {volume.service}."


def volume_spec(
    site: Site,
    stage: str,
    after: str,
    volume: Volume,
    description: str,
    *,
    kind: str,
    windows: tuple[timedelta, timedelta] | None = None,
) -> dg.AssetSpec:
    """Return the spec of one stage of a volume.

    Args:
        site: The machine.
        stage: The asset's own.
        after: The one it comes after.
        volume: A planned volume.
        description: What the asset is.
        kind: Shown as its kind.
        windows: When its freshness warns and fails; None for the volume's RPO.
    """
    warn, fail = windows or (volume.rpo.warn, volume.rpo.fail)
    names = Names(site)
    return dg.AssetSpec(
        names.key(stage, volume.name),
        deps=[names.key(after, volume.name)],
        group_name=stage,
        description=description,
        kinds={kind},
        skippable=True,
        metadata={"service": volume.service, "category": volume.category},
        freshness_policy=dg.FreshnessPolicy.time_window(warn_window=warn, fail_window=fail),
    )


def backup_assets(site: Site) -> dg.AssetsDefinition:
    """Draw dump and snapshot of every planned volume."""
    names, planned = Names(site), site.registry.planned
    dump_text = "A consistent dump of the volume, with a record of what is in it."
    snapshot_text = "The dump in the encrypted local repository."
    wanted = [
        (keys.DUMP, checks.SIZE_IS_PLAUSIBLE),
        (keys.DUMP, checks.SOURCE_IS_HEALTHY),
        (keys.SNAPSHOT, checks.DATA_IS_FRESH),
    ]

    @dg.multi_asset(
        name="backup",
        specs=[
            spec
            for v in planned
            for spec in (
                volume_spec(site, keys.DUMP, keys.VOLUME, v, dump_text, kind=str(v.engine)),
                volume_spec(site, keys.SNAPSHOT, keys.DUMP, v, snapshot_text, kind="restic"),
            )
        ],
        check_specs=checks.specs(site, planned, wanted),
        partitions_def=keys.daily(site),
        can_subset=True,
    )
    def backup(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Events:
        """Dump volumes and take their snapshots; a rerun does only what is missing."""
        failures = {}
        for done in back_up(
            site,
            dumps=names.named(context, keys.DUMP),
            snapshots=names.named(context, keys.SNAPSHOT),
            day=keys.day_of(context),
            root_run=context.run.root_run_id or context.run.run_id,
            spare_unchanged=context.run.tags.get(SPARING) == "true",
            notify=context.log.info,
        ):
            if done.error:
                context.log.error("%s: %s", done.volume, done.error)
                failures[done.volume] = done.error
            yield from _backed_up(site, names, done)
        if failures:
            raise VolumesFailed("backup", failures)

    return backup


def _backed_up(site: Site, names: Names, done: BackedUp) -> Events:
    if done.dump:
        key = names.key(keys.DUMP, done.volume)
        before = store(site).before(done.dump)
        yield dg.MaterializeResult(asset_key=key, metadata=metadata.of_dump(done.dump))
        yield checks.size_is_plausible(key, done.dump, before)
        yield checks.source_is_healthy(key, done.dump)
    if done.snapshot:
        key = names.key(keys.SNAPSHOT, done.volume)
        volume = site.registry.volume(done.volume)
        data_at = done.snapshot.dump.data_at
        yield dg.MaterializeResult(asset_key=key, metadata=metadata.of_snapshot(done.snapshot))
        yield checks.data_is_fresh(key, checks.DATA_IS_FRESH, volume, data_at, site.now())


def offsite_assets(site: Site) -> dg.AssetsDefinition:
    """Draw the offsite copy of every planned volume."""
    names, planned = Names(site), site.registry.planned
    text = "The snapshots of the volume in the repository that is elsewhere."

    @dg.multi_asset(
        name="offsite",
        specs=[
            volume_spec(site, keys.OFFSITE, keys.SNAPSHOT, v, text, kind="restic") for v in planned
        ],
        partitions_def=keys.daily(site),
        can_subset=True,
    )
    def offsite(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Events:
        """Copy what is new and confirm it by listing the target."""
        wanted = names.named(context, keys.OFFSITE)
        copies = copy_snapshots(site, wanted, day=keys.day_of(context))
        for copied in copies:
            key = names.key(keys.OFFSITE, copied.volume)
            yield dg.MaterializeResult(asset_key=key, metadata=metadata.of_copy(copied))
        require_copies(copies, wanted)
        if plan := retain(site, "offsite"):
            counts = len(plan.keep), len(plan.spared), len(plan.remove)
            context.log.info("offsite: %d kept, %d of them spared, %d removed", *counts)

    return offsite


def drill_assets(site: Site) -> dg.AssetsDefinition:
    """Draw the restore drill of every planned volume."""
    names, planned = Names(site), site.registry.planned
    text = "The newest snapshot of the day, restored and compared with its source."
    wanted = [(keys.RESTORE_DRILL, checks.RESTORED_CONTENT_MATCHES)]

    @dg.multi_asset(
        name="drill",  # not that of the job: Dagster wants them distinct
        specs=[
            volume_spec(site, keys.RESTORE_DRILL, keys.SNAPSHOT, v, text, kind=str(v.engine))
            for v in planned
        ],
        check_specs=checks.specs(site, planned, wanted),
        partitions_def=keys.daily(site),
        can_subset=True,
    )
    def restore_drill(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Events:
        """Restore snapshots into throw-away targets and require that nothing differs."""
        asked = context.run.tags.get(SNAPSHOT_TAG)
        day, listing = keys.day_of(context), Listing(site)
        ended = drill_all(
            site,
            [site.registry.volume(name) for name in names.named(context, keys.RESTORE_DRILL)],
            lambda v: listing.by_id(v.name, asked) if asked else listing.newest(v.name, day=day),
            again=asked is None,
            notify=context.log.info,
        )
        yield from drill_events(context, names, keys.RESTORE_DRILL, ended)

    return restore_drill


def drill_events(
    context: dg.AssetExecutionContext, names: Names, stage: str, ended: Iterable[Drilled]
) -> Events:
    """Report drills as they end; one that failed materialises nothing.

    Raises:
        VolumesFailed: When the last has ended and not all are proven, naming those.
    """
    failures = {}
    for done in ended:
        key = names.key(stage, done.volume)
        if done.error:
            context.log.error("%s: %s", done.volume, done.error)
            failures[done.volume] = done.error
        elif done.proof:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata.of_proof(done.proof))
        if done.proof:
            yield checks.content_matches(key, done.proof)
    if failures:
        raise VolumesFailed(stage.replace("_", " "), failures)
