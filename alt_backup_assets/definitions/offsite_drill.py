"""The proof that copies restore too: drills from the offsite repository, by rotation.

Of the volumes a run selects, those whose turn it is are drilled, as many as the byte budget
takes; so the whole stage can be selected every day, and one volume alone is always drilled.
"""

from datetime import timedelta

import dagster as dg

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.assets import Events, drill_events, volume_spec
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.site import Site
from alt_backup_assets.verification.drill_all import drill_all
from alt_backup_assets.verification.listing import Listing
from alt_backup_assets.verification.rotation import rotation


def offsite_drill_assets(site: Site) -> dg.AssetsDefinition:
    """Draw the drill from offsite of every planned volume."""
    names, planned = Names(site), site.registry.planned
    within = timedelta(weeks=site.config.offsite_proof.within_weeks)
    text = "The newest copy, restored from the offsite repository and compared with its source."
    wanted = [(keys.OFFSITE_DRILL, checks.OFFSITE_CONTENT_MATCHES)]

    @dg.multi_asset(
        name="drill_offsite",  # not that of the job: Dagster wants them distinct
        specs=[
            volume_spec(
                site,
                keys.OFFSITE_DRILL,
                keys.OFFSITE,
                volume,
                text,
                kind=str(volume.engine),
                windows=(within, 2 * within),
            )
            for volume in planned
        ],
        check_specs=checks.specs(site, planned, wanted),
        partitions_def=keys.daily(site),
        can_subset=True,
    )
    def offsite_drill(context: dg.AssetExecutionContext, site: dg.ResourceParam[Site]) -> Events:
        """Drill the copies whose turn it is, within the byte budget."""
        turn = rotation(site, names.named(context, keys.OFFSITE_DRILL))
        day, listing = keys.day_of(context), Listing(site, "offsite")
        if turn.warning:
            context.log.warning(turn.warning)
        if turn.waiting:
            context.log.info("another day: %s", ", ".join(turn.waiting))
        ended = drill_all(
            site,
            [site.registry.volume(name) for name in turn.volumes],
            lambda volume: listing.newest(volume.name, day=None if day == site.today else day),
            notify=context.log.info,
        )
        yield from drill_events(context, names, keys.OFFSITE_DRILL, ended)

    return offsite_drill
