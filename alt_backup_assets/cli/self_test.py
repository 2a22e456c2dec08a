"""``alt-backup self-test``: whether the restore drill still notices what it is there to notice."""

from __future__ import annotations

from datetime import datetime

import click
from rich.console import Console
from rich.text import Text

from alt_backup_assets.cli.output import Report, answer, short, table, verdict
from alt_backup_assets.cli.progress import progress
from alt_backup_assets.cli.runless import Reporter
from alt_backup_assets.cli.session import Session, dry_run_option, pass_session, reports
from alt_backup_assets.dumps.planters import PLANTERS
from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen
from alt_backup_assets.verification.self_test import repository
from alt_backup_assets.verification.self_test.choose import candidates
from alt_backup_assets.verification.self_test.result import (
    ControlResult,
    FaultResult,
    SelfTestResult,
)
from alt_backup_assets.verification.self_test.run import self_test as run_self_test


class SelfTestReport(Report):
    """How the self-test ended."""

    checked_at: datetime
    controls: tuple[ControlResult, ...]
    faults: tuple[FaultResult, ...]


class PlannedFaults(Frozen):
    """What would be planted in a copy of which snapshot; None where nothing can be."""

    engine: str
    faults: tuple[str, ...]
    volume: str | None
    snapshot: str | None


class SelfTestPlan(Report):
    """What would be planted."""

    dry_run: bool = True
    planned: tuple[PlannedFaults, ...]


@click.command("self-test")
@dry_run_option
@reports
@pass_session
def self_test(session: Session, dry_run: bool) -> int:
    """Plant faults in scratch copies and require that the drill is red for each of them.

    The smallest volume of each engine is restored into the scratch directory; a copy of it
    without a fault must be proven. The exit code is 0 only if every planted fault was noticed.
    """
    site = session.site()
    if dry_run:
        return _plan(session, site)
    with progress("testing the verifier") as going, Reporter(site, going.warn) as reporter:
        result = run_self_test(site, notify=going.note)
        reporter.self_tested(result)
    report = SelfTestReport(
        verdict=result.verdict,
        reasons=result.reasons,
        checked_at=result.checked_at,
        controls=result.controls,
        faults=result.faults,
    )
    return answer(session, report, lambda console: _render(console, result))


def _render(console: Console, result: SelfTestResult) -> None:
    controls = (
        (f"no fault ({c.engine})", c.volume, _told("proven", good=c.proven), c.message)
        for c in result.controls
    )
    faults = (
        (
            fault.fault,
            fault.volume,
            "not planted" if fault.detected is None else _told("detected", good=fault.detected),
            fault.message,
        )
        for fault in result.faults
    )
    table(console, ("fault", "volume", "drill", "detail"), (*controls, *faults))


def _told(word: str, *, good: bool) -> Text:
    style = verdict("GOOD" if good else "FAILED").style
    return Text(word if good else f"NOT {word}", style=style)


def _plan(session: Session, site: Site) -> int:
    found = candidates(site, site.local.snapshots(host=site.name))
    planned = []
    for engine, planter in PLANTERS.items():
        target = next(iter(found.get(engine, ())), None)
        planned.append(
            PlannedFaults(
                engine=engine,
                faults=planter.FAULTS,
                volume=target.volume if target else None,
                snapshot=target.snapshot.id if target else None,
            )
        )
    first = next((plan for plan in planned if plan.volume), None)
    planned.append(
        PlannedFaults(
            engine="any",
            faults=repository.FAULTS,
            volume=first.volume if first else None,
            snapshot=first.snapshot if first else None,
        )
    )
    missing = [engine for engine, targets in found.items() if not targets]
    reasons = (
        "nothing was planted: this is what a self-test would plant in scratch copies",
        *(f"no volume of the engine {engine} has a snapshot" for engine in missing),
        *(() if first else ("there is no dump to plant anything in",)),
    )
    report = SelfTestPlan(
        verdict="FAILED" if missing or not first else "GOOD",
        reasons=reasons,
        planned=tuple(planned),
    )
    rows = ((fault, p.volume, short(p.snapshot)) for p in planned for fault in p.faults)
    return answer(session, report, lambda c: table(c, ("fault", "volume", "snapshot"), rows))
