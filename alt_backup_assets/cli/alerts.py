"""``alt-backup alerts``: the alert rules and the scrape job, for Prometheus and Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from alt_backup_assets.cli.output import GOOD, Report, answer, line
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.signals.render import (
    Format,
    grafana_rules,
    prometheus_rules,
    scrape_config,
)
from alt_backup_assets.signals.rule import Expected
from alt_backup_assets.signals.rules import rules
from alt_backup_assets.site import Site


class AlertsReport(Report):
    """What was written.

    Attributes:
        uids: The rules; none in a scrape job.
        output: The file; None where it was printed.
        content: What is in it.
    """

    uids: tuple[str, ...]
    output: Path | None
    content: str


@click.command()
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="prometheus")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it to this file instead of printing it.",
)
@click.option(
    "--datasource",
    default="prometheus",
    show_default=True,
    metavar="UID",
    help="Grafana's data source that is Prometheus.",
)
@click.option(
    "--target",
    metavar="HOST:PORT",
    help="Where Prometheus reaches the metrics; otherwise where they are served.",
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="NAME",
    help="A platform that reports to this Prometheus; name each where there are several.",
)
@reports
@pass_session
def alerts(
    session: Session,
    *,
    form: Format,
    output: Path | None,
    datasource: str,
    target: str | None,
    platforms: tuple[str, ...],
) -> int:
    """Print the alert rules, or the scrape job, that fit the configured schedules."""
    site = session.site()
    wanted = rules(Expected.of(site, platforms))
    if form == "scrape":
        wanted, content = (), _scrape(site, target)
    elif form == "grafana":
        content = grafana_rules(wanted, datasource=datasource)
    else:
        content = prometheus_rules(wanted)
    if output:
        output.write_text(content)
    elif not session.as_json:
        click.echo(content, nl=False)
        session.answered = True
        return GOOD
    report = AlertsReport(
        verdict="GOOD", uids=tuple(rule.uid for rule in wanted), output=output, content=content
    )
    return answer(session, report, lambda console: line(console, f"written to {output}"))


def _scrape(site: Site, target: str | None) -> str:
    place = site.config.signals.metrics
    return scrape_config(target or f"{place.listen}:{place.port}", platform=site.name)
