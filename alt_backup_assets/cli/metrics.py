"""``alt-backup metrics``: what Prometheus is to know, printed, written to a file, or served."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import click

from alt_backup_assets.cli.output import GOOD, Report, answer, line, print_json, stderr
from alt_backup_assets.cli.session import Session, pass_session, reports
from alt_backup_assets.config.signals import Metrics
from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.signals.facts import Facts, read_facts
from alt_backup_assets.signals.metrics import families
from alt_backup_assets.signals.serve import MAX_AGE, Readings, serving
from alt_backup_assets.signals.textfile import exposition, write_textfile
from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen

_CONFIGURED = Path("-")
"""``--textfile`` without a path: the configuration names it."""


class Sample(Frozen):
    """One number of a metric."""

    labels: dict[str, str]
    value: float


class Metric(Frozen):
    """A metric with what it means; without samples nothing is known."""

    name: str
    help: str
    samples: tuple[Sample, ...]


class MetricsReport(Report):
    """The metrics of one moment.

    Attributes:
        generated_at: The moment.
        textfile: Where they were written; None where they were not.
        metrics: In the order of the text format.
    """

    generated_at: datetime
    textfile: Path | None = None
    metrics: tuple[Metric, ...]


class Serving(Report):
    """Where the metrics are served until the program is ended."""

    address: str
    port: int


@click.command()
@click.option(
    "--textfile",
    type=click.Path(path_type=Path, dir_okay=False),
    is_flag=False,
    flag_value=_CONFIGURED,
    metavar="[FILE]",
    help="Write them to this file, or to the configured one.",
)
@click.option("--serve", is_flag=True, help="Serve them over HTTP until ended.")
@click.option(
    "--max-age",
    type=click.FloatRange(min=0),
    default=MAX_AGE.total_seconds(),
    show_default=True,
    metavar="SECONDS",
    help="How long a reading is served.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    help="Serve at this address in place of the configured one: that of a container is its own.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Serve at this port in place of the configured."
)
@reports
@pass_session
def metrics(
    session: Session,
    *,
    textfile: Path | None,
    serve: bool,
    max_age: float,
    listen: str | None,
    port: int | None,
) -> int:
    """Print what Prometheus is to know, write it to a file, or serve it.

    The exit code tells whether that was done; `alt-backup status` has the verdict.
    """
    if textfile and serve:
        raise click.UsageError("--textfile and --serve are two ways; choose one")
    if (listen or port) and not serve:
        raise click.UsageError("--listen and --port belong to --serve")
    if serve:
        given = {"listen": listen, "port": port}
        place = session.site().config.signals.metrics
        place = place.model_copy(update={name: value for name, value in given.items() if value})
        return _serve(session, place, timedelta(seconds=max_age))
    site = session.site()
    if textfile:
        path = _configured(site) if textfile == _CONFIGURED else textfile
        report = _report(write_textfile(site, path), path)
        return answer(session, report, lambda console: line(console, f"written to {path}"))
    facts = read_facts(site)
    if session.as_json:
        print_json(session, _report(facts))
    else:
        click.echo(exposition(facts), nl=False)
        session.answered = True
    return GOOD


def _configured(site: Site) -> Path:
    path = site.config.signals.metrics.textfile
    if path is None:
        raise ConfigurationError("name the file: --textfile FILE, or signals.metrics.textfile")
    return path


def _report(facts: Facts, textfile: Path | None = None) -> MetricsReport:
    return MetricsReport(
        verdict="GOOD",
        generated_at=facts.status.checked_at,
        textfile=textfile,
        metrics=tuple(
            Metric(
                name=family.name,
                help=family.documentation,
                samples=tuple(Sample(labels=s.labels, value=s.value) for s in family.samples),
            )
            for family in families(facts)
        ),
    )


def _serve(session: Session, place: Metrics, max_age: timedelta) -> int:
    """Serve until a signal ends it, which is the good end; every reading opens the site anew."""
    readings = Readings(lambda: read_facts(session.site()), max_age)
    with suppress(KeyboardInterrupt), serving(readings, place.listen, place.port) as port:
        where = f"http://{place.listen}:{port}/metrics"
        if session.as_json:
            print_json(session, Serving(verdict="GOOD", address=place.listen, port=port))
        else:
            line(stderr(), f"serving {where}")
        Event().wait()
    return GOOD
