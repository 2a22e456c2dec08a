"""``alt-backup kit``: everything but the repository, for the day on which the machine is gone."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from alt_backup_assets.cli.output import Report, answer, line, stderr
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.config import load_configuration
from alt_backup_assets.deployment.kit import (
    kit_files,
    open_private,
    require_apart,
    write_kit,
    write_readme,
)
from alt_backup_assets.registry.load import load_registry

_PIPE = Path("-")


class KitReport(Report):
    """What is in the kit."""

    file: str
    files: tuple[str, ...]
    dry_run: bool


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    required=True,
    help="A new file; - for standard output, to encrypt it on the way.",
)
@dry_run_option
@reports
@pass_session
def kit(session: Session, *, output: Path, dry_run: bool) -> int:
    """Write configuration, registry, keys and passwords into one archive, with instructions.

    It is not encrypted: `alt-backup kit --output - | age -p > kit.tar.age` is.
    """
    path, now = session.configuration_file, datetime.now(UTC)
    config = load_configuration(path)
    registry = load_registry(config, relative_to=path.parent)
    files = kit_files(path, config, registry)
    if output != _PIPE:
        require_apart(output, config)
    elif session.as_json or sys.stdout.isatty():
        raise click.UsageError("--output - is for a pipe: an archive is nothing to look at")
    if not dry_run:
        ours = version("alt_backup_assets")
        readme = write_readme(path, config, registry, files, made_at=now, version=ours)
        pipe = nullcontext(sys.stdout.buffer)
        with pipe if output == _PIPE else open_private(output) as stream:
            write_kit(stream, files, readme, now)
        line(stderr(), f"{output} opens every backup of {config.platform.name}: keep it apart")
    if output == _PIPE:
        session.answered = True
        return 0
    report = KitReport(
        verdict="GOOD", file=str(output), files=tuple(map(str, files)), dry_run=dry_run
    )
    told = "\n".join(report.files)
    return answer(session, report, lambda console: line(console, told))
