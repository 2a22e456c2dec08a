"""restic's argument lists, as pure functions.

One function per command; each returns what stands behind the program and the options every
call has. Source: restic's manual (https://restic.readthedocs.io, 0.18) and `restic help`.
Keep out: running anything, and secrets; a password is only ever a file's path here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.tools.restic.place import Place, Retention, Sftp

Arguments = tuple[str, ...]

NO_LOCK: Arguments = ("--no-lock",)
"""For reading what cannot change under us; works beside an exclusive lock."""

VERSION: Arguments = ("version", "--json")
OPEN: Arguments = ("cat", "config")
PRUNE: Arguments = ("prune",)
LIST_LOCKS: Arguments = ("list", "locks")
UNLOCK: Arguments = ("unlock",)
STATS: Arguments = ("stats", "--mode", "raw-data")


def global_options(
    place: Place, *, cache_dir: Path, source: Place | None = None, ssh_log: Path | None = None
) -> Arguments:
    """Return the options of every call on a repository.

    restic has one set of ``-o`` options and limits for both sides of a copy. So ``sftp``
    stands for whichever side has it, and data is limited where it leaves the source and
    where it enters the target.

    Args:
        place: The repository the command works on; the target of a copy.
        cache_dir: restic's cache.
        source: The other side of a copy.
        ssh_log: Where ssh writes what it has to say; restic often ends before it passes that on.

    Raises:
        ConfigurationError: Both sides are reached by ssh, and not in the same way.
    """
    sender = source or place
    return (
        *("--repo", place.url, "--password-file", str(place.password_file)),
        *("--cache-dir", str(cache_dir), "--json"),
        *_sftp(_shared_sftp(place, source), ssh_log),
        *_limit("--limit-upload", place.limit_upload_kib),
        *_limit("--limit-download", sender.limit_download_kib),
    )


def waiting(seconds: int) -> Arguments:
    """Return the option that makes restic wait for a lock."""
    return ("--retry-lock", f"{seconds}s")


def init(chunker_from: Place | None = None) -> Arguments:
    """Return ``init``; with a source its chunker parameters, so that copies deduplicate."""
    if chunker_from is None:
        return ("init",)
    return ("init", *_from(chunker_from), "--copy-chunker-params")


def backup(
    path: Path, *, host: str, tags: Sequence[str], taken_at: datetime, exclude: Sequence[str]
) -> Arguments:
    """Return ``backup`` of one path.

    Args:
        path: What to save.
        host: restic's host, the platform's fixed name.
        tags: One by one.
        taken_at: Time of the data, aware. restic reads it in its own time zone, which the
            caller sets to UTC.
        exclude: restic's exclude patterns.
    """
    return (
        *("backup", "--quiet", "--host", host),
        *("--time", f"{taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"),
        *(argument for tag in tags for argument in ("--tag", tag)),
        *(f"--exclude={pattern}" for pattern in exclude),
        *("--", str(path)),
    )


def snapshots(
    *, host: str | None = None, tag: str | None = None, ids: Sequence[str] = ()
) -> Arguments:
    """Return ``snapshots``, of one host, tag or some ids where given."""
    by_host = ("--host", host) if host else ()
    by_tag = ("--tag", tag) if tag else ()
    return ("snapshots", *by_host, *by_tag, *ids)


def plan(retention: Retention, *, host: str) -> Arguments:
    """Return the dry run of ``forget`` by policy.

    Grouped by host and path, never by tags: a day tag would make every group a day long and
    nothing would ever expire.

    Raises:
        ConfigurationError: The policy keeps nothing at all.
    """
    kept = {
        "--keep-hourly": retention.hourly,
        "--keep-daily": retention.daily,
        "--keep-weekly": retention.weekly,
        "--keep-monthly": retention.monthly,
    }
    if not any(kept.values()):
        raise ConfigurationError("`retention` keeps nothing: one of its numbers must be above 0")
    return (
        *("forget", "--dry-run", "--group-by", "host,paths", "--host", host),
        *(argument for option, n in kept.items() if n for argument in (option, str(n))),
    )


def forget(ids: Sequence[str], *, prune: bool = False) -> Arguments:
    """Return ``forget`` of exactly these snapshots, and of the data nobody needs then."""
    return ("forget", *(("--prune",) if prune else ()), *ids)


def check(read_data_subset: str | None) -> Arguments:
    """Return ``check``; with a subset such as ``2/7`` that part of the data is read."""
    return ("check", *(("--read-data-subset", read_data_subset) if read_data_subset else ()))


def copy(source: Place, ids: Sequence[str]) -> Arguments:
    """Return ``copy`` of exactly these snapshots from another repository."""
    return ("copy", *_from(source), *ids)


def restore(snapshot_id: str, path: str, target: Path) -> Arguments:
    """Return ``restore`` of what is below one path of a snapshot."""
    return ("restore", "--quiet", "--target", str(target), f"{snapshot_id}:{path}")


def cat_lock(lock_id: str) -> Arguments:
    """Return ``cat`` of one lock."""
    return ("cat", "lock", lock_id)


def _from(source: Place) -> Arguments:
    return ("--from-repo", source.url, "--from-password-file", str(source.password_file))


def _limit(option: str, kib_per_second: int | None) -> Arguments:
    return () if kib_per_second is None else (option, str(kib_per_second))


def _shared_sftp(place: Place, source: Place | None) -> Sftp | None:
    mine, theirs = place.sftp, source.sftp if source else None
    if mine is not None and theirs is not None and mine != theirs:
        raise ConfigurationError(
            f"{place.url} and {source and source.url} have different `sftp` settings, and restic"
            " takes one set for both sides of a copy; give both the same port, key and known hosts"
        )
    return mine or theirs


def _sftp(sftp: Sftp | None, log: Path | None) -> Arguments:
    if sftp is None:
        return ()
    known_hosts = str(sftp.known_hosts_file)
    if " " in known_hosts:
        known_hosts = f'"{known_hosts}"'  # ssh takes a list of files there
    arguments = (
        *("-p", str(sftp.port), "-i", str(sftp.identity_file)),
        *("-o", f"UserKnownHostsFile={known_hosts}"),
        *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"ConnectTimeout={sftp.connect_timeout_seconds}"),
        *(("-E", str(log)) if log else ()),
    )
    return ("-o", _csv_field(f"sftp.args={shlex.join(arguments)}"))


def _csv_field(option: str) -> str:
    # restic reads `-o` as a line of CSV.
    if not {'"', ","} & set(option):
        return option
    return '"' + option.replace('"', '""') + '"'
