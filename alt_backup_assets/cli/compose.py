"""``alt-backup compose``: what the backup stack mounts, from the configuration and the registry."""

from __future__ import annotations

from pathlib import Path

import click

from alt_backup_assets.cli.output import Report, answer, line, stdout
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.config import load_configuration
from alt_backup_assets.deployment.mounts import read_mounts
from alt_backup_assets.deployment.override import render
from alt_backup_assets.registry.load import load_registry


class ComposeReport(Report):
    """What was written, or compared."""

    file: str | None
    content: str


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it there, in one step, instead of printing it.",
)
@click.option("--check", is_flag=True, help="Only compare FILE with what would be written.")
@reports
@pass_session
def compose(session: Session, *, output: Path | None, check: bool) -> int:
    """Print the compose file that goes beside compose/backup.yaml.

    It mounts every planned volume read-only and what the configuration names, into our services
    and into the containers of runs. Make it again whenever the registry or a path changes; with
    --check the exit code is 1 where FILE is not what it should be.
    """
    if check and not output:
        raise click.UsageError("--check compares the file that --output names")
    path = session.configuration_file
    config = load_configuration(path)
    registry = load_registry(config, relative_to=path.parent)
    content = render(path, config, read_mounts(path, config, registry))
    if output is None:
        return _print(session, content)
    if check:
        return _compare(session, output, content)
    _write(output, content)
    told = f"{output}: {len(registry.planned)} volumes are mounted read-only"
    report = ComposeReport(verdict="GOOD", file=str(output), content=content)
    return answer(session, report, lambda console: line(console, told))


def _print(session: Session, content: str) -> int:
    if session.as_json:
        return answer(session, ComposeReport(verdict="GOOD", file=None, content=content))
    line(stdout(), content.rstrip())
    session.answered = True
    return 0


def _compare(session: Session, file: Path, content: str) -> int:
    same = file.is_file() and file.read_text(encoding="utf-8") == content
    differs = (
        f"{file} is not what the configuration and the registry say now; `alt-backup compose"
        f" --output {file}` writes it again, and `docker compose up -d` takes it up"
    )
    report = ComposeReport(
        verdict="GOOD" if same else "WARNING",
        reasons=() if same else (differs,),
        file=str(file),
        content=content,
    )
    return answer(session, report)


def _write(output: Path, content: str) -> None:
    aside = output.with_name(f"{output.name}.new")
    aside.write_text(content, encoding="utf-8")
    aside.replace(output)
