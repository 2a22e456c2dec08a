"""``alt-backup config``: whether the operator's files are right, and what they amount to."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click
import yaml
from pydantic import JsonValue

from alt_backup_assets.cli.output import WRONG_USAGE, Report, answer, line, print_json, stdout
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.config import as_yaml, check_files, load_configuration
from alt_backup_assets.drift import propose as proposing
from alt_backup_assets.registry.load import load_registry
from alt_backup_assets.registry.volume import Registry
from alt_backup_assets.values import Frozen


class Shown(Frozen):
    """The configuration and the registry as they take effect."""

    configuration: dict[str, JsonValue]
    registry: dict[str, JsonValue]


@click.group(no_args_is_help=False)
def config() -> None:
    """Look at the configuration and the registry."""


@config.command()
@reports
@pass_session
def validate(session: Session) -> int:
    """Check every file the operator writes; an exclusion past its review date is a warning."""
    path = session.configuration_file
    configuration = load_configuration(path)
    registry = load_registry(configuration, relative_to=path.parent)
    if problems := check_files(configuration):
        answer(session, Report(verdict="FAILED", reasons=problems))
        return WRONG_USAGE
    overdue = _overdue(registry, datetime.now(UTC).astimezone(configuration.timezone).date())
    report = Report(verdict="WARNING" if overdue else "GOOD", reasons=overdue)
    planned = len(registry.planned)
    told = (
        f"{path} and {registry.source}: {planned} volumes are planned,"
        f" {len(registry.volumes) - planned} excluded"
    )
    return answer(session, report, lambda console: line(console, told))


def _overdue(registry: Registry, today: date) -> tuple[str, ...]:
    return tuple(
        f"{volume.name} is excluded ({volume.excluded.reason}), and that was to be reviewed by"
        f" {volume.excluded.review}: plan it, or give a new date in {registry.source}"
        for volume in registry.unplanned_on(today)
        if volume.excluded
    )


@config.command()
@reports
@pass_session
def propose(session: Session) -> int:
    """Print registry entries for volumes nobody planned, for review; nothing is written."""
    proposal = proposing.propose(session.site())
    if session.as_json:
        print_json(session, proposal)
    else:
        line(stdout(), proposing.as_yaml(proposal))
        session.answered = True
    return 0


@config.command()
@reports
@pass_session
def show(session: Session) -> int:
    """Print the configuration and the registry with every default filled in.

    They hold no secrets, only the paths of files with secrets.
    """
    path = session.configuration_file
    configuration = load_configuration(path)
    registry = load_registry(configuration, relative_to=path.parent)
    written, volumes = as_yaml(configuration), registry_content(registry)
    if session.as_json:
        print_json(session, Shown(configuration=yaml.safe_load(written), registry=volumes))
    else:
        console = stdout()
        line(console, f"# {path}\n{written}---\n# {registry.source}")
        line(console, yaml.safe_dump(volumes, sort_keys=False, allow_unicode=True).rstrip())
    return 0


def registry_content(registry: Registry) -> dict[str, JsonValue]:
    """Return a registry as the content of a file that loads as the same registry."""
    return {
        "volumes": {
            volume.name: volume.model_dump(mode="json", exclude={"name"}, exclude_none=True)
            for volume in registry.volumes
        }
    }
