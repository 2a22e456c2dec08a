"""What to do about each kind of trouble, in the words of the commands that help.

Add a line for every new check. Keep out: what is wrong, which its own description says.
"""

from alt_backup_assets.definitions import checks

STALE = "`alt-backup status` says what is missing and names the commands that put it right."

FAILED_RUN = (
    "Mend what the error says and run the job again; what succeeded is kept, and"
    " `alt-backup status` says what can be relied on meanwhile."
)

_OTHERWISE = "Open the check in Dagster; `alt-backup status` says what can be relied on."

_CHECKS = {
    checks.SIZE_IS_PLAUSIBLE: (
        "Find out whether data was lost. If so, restore an older snapshot before retention"
        " removes it: `alt-backup restore {name} --as-of TIME --to DIR`."
    ),
    checks.SOURCE_IS_HEALTHY: "Mend what the engine warns of before it stands in a backup's way.",
    checks.DATA_IS_FRESH: "`alt-backup backup --include {name}`",
    checks.COPY_IS_FRESH: "`alt-backup backup --include {name}`, then `alt-backup offsite`",
    checks.RESTORED_CONTENT_MATCHES: (
        "Do not count on this snapshot. `alt-backup backup --include {name}` and"
        " `alt-backup drill {name}`; `alt-backup status` names the newest proven snapshot."
    ),
    checks.STATUS_IS_GOOD: STALE,
    checks.NO_DRIFT: (
        "`alt-backup drift` names each volume; plan or exclude it in the registry"
        " (`alt-backup config propose` writes the entries)."
    ),
    checks.NEIGHBOURS_ARE_HEARD: (
        "That host's schedules do not run. See whether it is up, its code server answers, and the"
        " way from the daemon to it is open; until then run `alt-backup backup` there by hand."
    ),
    checks.SIGNAL_ARRIVED: (
        "An alarm may not reach you by this way. `alt-backup signal-test` says where it ends."
    ),
}


def of_check(check: str, name: str) -> str:
    """Return what to do when a check of a volume, or of a maintenance asset, has failed."""
    return _CHECKS.get(check, _OTHERWISE).format(name=name)
