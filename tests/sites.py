"""A site of the tests: its two files with throw-away secrets, its program, its leftovers.

Keep out: the platform it speaks of; the tests bring a real one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from alt_backup_assets.config import Repository
from alt_backup_assets.site import Site
from alt_backup_assets.tools.restic import Restic

ROOT = Path(__file__).parents[1]
POSTGRESQL_SEED = ROOT / "tests" / "postgresql_seed.sql"

_REPOSITORY = "repository"
_PASSWORD = "local-password"

Settings = Mapping[str, object]

FILES: Settings = {"service": "auth-token-manager", "engine": "files", "category": "data"}


def database(service: str, user: str, *databases: str, **more: object) -> Settings:
    """Return the registry's entry of a PostgreSQL server."""
    names = {"service": service, "user": user, "databases": list(databases)}
    return {"engine": "postgresql", "category": "critical", **names, **more}


def write_site(
    directory: Path,
    *,
    platform: Settings,
    volumes: Mapping[str, Settings],
    restic: Path,
    offsite: Settings | None = None,
    scratch: Path | None = None,
    template: Path | None = None,
) -> Path:
    """Write a site's files.

    Args:
        directory: Where they are written, and where the site keeps its own files.
        platform: The configuration's ``platform``.
        volumes: The registry's.
        restic: The program.
        offsite: Settings of the offsite repository, without its password; None for none.
        scratch: Room for restores; None for the product's own choice.
        template: What ``make_template`` made; None for a site without a repository so far.

    Returns:
        The path of the configuration.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if template is not None:
        shutil.copytree(template, directory, dirs_exist_ok=True)
    repositories: dict[str, Settings] = {
        "local": {
            "url": f"{directory}/{_REPOSITORY}",
            "password_file": str(_secret(directory / _PASSWORD)),
        }
    }
    if offsite is not None:
        password = str(_secret(directory / "offsite-password"))
        repositories["offsite"] = {"password_file": password, "medium": "elsewhere", **offsite}
    directories = {"state": f"{directory}/state"}
    if scratch is not None:
        directories["scratch"] = str(scratch)
    values = {
        "platform": platform,
        "registry": "./registry.yaml",
        "timezone": "Asia/Tokyo",
        "directories": directories,
        "repositories": repositories,
        "restic": str(restic),
    }
    entries = {"volumes": {name: dict(entry) for name, entry in volumes.items()}}
    (directory / "registry.yaml").write_text(yaml.safe_dump(entries, sort_keys=False))
    config = directory / "alt-backup.yaml"
    config.write_text(yaml.safe_dump(values, sort_keys=False))
    return config


def make_template(directory: Path, restic: Path) -> Path:
    """Make an empty repository with its password, for many sites: restic takes seconds to."""
    directory.mkdir()
    place = Repository(
        url=str(directory / _REPOSITORY), password_file=_secret(directory / _PASSWORD)
    )
    with TemporaryDirectory() as cache:
        assert Restic(place, binary=restic, cache_dir=Path(cache)).init()
    return directory


def make_tokens(directory: Path) -> None:
    """Write what a volume of plain files may hold."""
    (directory / "deep" / "er").mkdir(parents=True)
    (directory / "token.json").write_text('{"refresh_token": "protects nothing"}\n')
    (directory / "token.json").chmod(0o600)
    (directory / "deep" / "er" / "näme with blanks").write_bytes(os.urandom(100_000))
    (directory / "empty").touch()
    (directory / "link").symlink_to("deep/er")


def alt_backup(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``alt-backup`` in a process of its own, to its end."""
    with started(config, *arguments) as process:
        said, complained = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


def started(config: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start ``alt-backup`` in a process of its own; no Dagster instance is told."""
    argv = [sys.executable, "-m", "alt_backup_assets.cli", *arguments, "--config", str(config)]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def leftovers(site: Site) -> list[Path]:
    """Return the files and directories that only something unfinished has."""
    state = site.config.directories.state
    return [
        *state.glob("dumps/*/.*"),
        *state.glob("staging/*"),
        *site.scratch.glob("*"),
        *state.glob(".ledger-*"),
        *state.glob("*.new"),
        *(Path(site.local.url) / "locks").glob("*"),
    ]


def _secret(path: Path) -> Path:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24) + "\n")
    return path
