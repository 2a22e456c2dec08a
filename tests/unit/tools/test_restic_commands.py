"""restic's argument lists, word by word."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from alt_backup_assets.config import Repository, Retention, Sftp
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.tools.restic import commands

CACHE = Path("/state/cache")
SFTP = Sftp(port=2222, identity_file=Path("/keys/id"), known_hosts_file=Path("/keys/known"))
LOCAL = Repository(url="/srv/repo", password_file=Path("/secrets/local"))
OFFSITE = Repository(url="sftp:host:/repo", password_file=Path("/secrets/offsite"), sftp=SFTP)


def test_every_call_names_repository_password_file_and_cache() -> None:
    """The password is a path, the cache our own, and answers are JSON."""
    assert commands.global_options(LOCAL, cache_dir=CACHE) == (
        *("--repo", "/srv/repo", "--password-file", "/secrets/local"),
        *("--cache-dir", "/state/cache", "--json"),
    )


def test_ssh_asks_nothing_and_trusts_nobody_unknown() -> None:
    """Port, key, known hosts, no questions, strict host keys and a time limit."""
    assert commands.global_options(OFFSITE, cache_dir=CACHE)[-2:] == (
        "-o",
        (
            "sftp.args=-p 2222 -i /keys/id -o UserKnownHostsFile=/keys/known -o BatchMode=yes"
            " -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
        ),
    )


def test_paths_survive_three_readers() -> None:
    """Blanks and commas are quoted for ssh, for restic's splitting, and for its CSV."""
    odd = SFTP.model_copy(update={"known_hosts_file": Path("/my, keys/known")})
    place = OFFSITE.model_copy(update={"sftp": odd})
    assert commands.global_options(place, cache_dir=CACHE)[-1] == (
        '"sftp.args=-p 2222 -i /keys/id -o \'UserKnownHostsFile=""/my, keys/known""\''
        ' -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20"'
    )


@pytest.mark.parametrize(("target", "source"), [(OFFSITE, LOCAL), (LOCAL, OFFSITE)])
def test_in_a_copy_ssh_serves_the_side_that_has_it(target: Repository, source: Repository) -> None:
    """Restic has one set of options for both sides, so it comes from whichever is remote."""
    options = commands.global_options(target, cache_dir=CACHE, source=source)
    assert options[1] == target.url
    assert "-p 2222" in options[-1]


def test_two_sides_with_other_ssh_settings_cannot_be_copied() -> None:
    """One set of options cannot serve two hosts; the same set can."""
    other = OFFSITE.model_copy(update={"sftp": SFTP.model_copy(update={"port": 22})})
    with pytest.raises(ConfigurationError, match="different `sftp` settings"):
        commands.global_options(OFFSITE, cache_dir=CACHE, source=other)
    same = OFFSITE.model_copy(update={"url": "sftp:other:/repo"})
    assert "-o" in commands.global_options(OFFSITE, cache_dir=CACHE, source=same)


def test_limits_follow_the_data() -> None:
    """A repository's own limits; in a copy the source's download and the target's upload."""
    target = LOCAL.model_copy(update={"limit_upload_kib": 10, "limit_download_kib": 20})
    source = LOCAL.model_copy(update={"limit_upload_kib": 30, "limit_download_kib": 40})
    alone = commands.global_options(target, cache_dir=CACHE)
    copied = commands.global_options(target, cache_dir=CACHE, source=source)
    assert alone[-4:] == ("--limit-upload", "10", "--limit-download", "20")
    assert copied[-4:] == ("--limit-upload", "10", "--limit-download", "40")


def test_backup_has_one_path_a_fixed_host_and_the_datas_time() -> None:
    """The time is UTC, options cannot be mistaken for paths, and each tag stands alone."""
    taken_at = datetime(2026, 11, 24, 3, 4, 5, 999, tzinfo=timezone(timedelta(hours=9)))
    command = commands.backup(
        Path("/state/-v"), host="alt", tags=["scheduled", "20261124"], taken_at=taken_at,
        exclude=["*.tmp", "--odd"],
    )  # fmt: skip
    assert command == (
        *("backup", "--quiet", "--host", "alt", "--time", "2026-11-23 18:04:05"),
        *("--tag", "scheduled", "--tag", "20261124", "--exclude=*.tmp", "--exclude=--odd"),
        *("--", "/state/-v"),
    )


def test_listing_narrows_only_where_asked() -> None:
    """Host, tag and ids appear only when they are given."""
    assert commands.snapshots() == ("snapshots",)
    assert commands.snapshots(host="alt", tag="v") == ("snapshots", "--host", "alt", "--tag", "v")
    assert commands.snapshots(ids=["a", "b"]) == ("snapshots", "a", "b")


def test_the_plan_is_a_dry_run_grouped_by_host_and_path() -> None:
    """Never by tags, and a period of 0 is switched off."""
    retention = Retention(hourly=24, daily=7, weekly=0, monthly=3)
    assert commands.plan(retention, host="alt") == (
        *("forget", "--dry-run", "--group-by", "host,paths", "--host", "alt"),
        *("--keep-hourly", "24", "--keep-daily", "7", "--keep-monthly", "3"),
    )


def test_a_policy_that_keeps_nothing_is_refused() -> None:
    """Four zeros are a mistake, not a wish."""
    with pytest.raises(ConfigurationError, match="keeps nothing"):
        commands.plan(Retention(hourly=0, daily=0, weekly=0, monthly=0), host="alt")


def test_initialising_a_copys_target_takes_the_sources_chunker() -> None:
    """Without a source there is nothing to take over."""
    assert commands.init() == ("init",)
    assert commands.init(LOCAL) == (
        *("init", "--from-repo", "/srv/repo", "--from-password-file", "/secrets/local"),
        "--copy-chunker-params",
    )


def test_the_other_commands_are_what_they_say() -> None:
    """Copy, forget, check, restore, locks and waiting."""
    assert commands.copy(LOCAL, ["a", "b"]) == (
        *("copy", "--from-repo", "/srv/repo", "--from-password-file", "/secrets/local", "a", "b"),
    )
    assert commands.forget(["a", "b"]) == ("forget", "a", "b")
    assert commands.check(None) == ("check",)
    assert commands.check("2/7") == ("check", "--read-data-subset", "2/7")
    assert commands.restore("ab", "/state/staging/v", Path("/scratch")) == (
        *("restore", "--quiet", "--target", "/scratch", "ab:/state/staging/v"),
    )
    assert commands.cat_lock("ab") == ("cat", "lock", "ab")
    assert commands.waiting(300) == ("--retry-lock", "300s")
