"""The program and its exit codes: the one place where an error becomes a number.

0 good, 1 warning or drift, 2 critical, failed or crashed, 64 wrong usage or configuration, 130
interrupted and cleaned up. A crash is never 1: that would read as a mere warning.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import click

from alt_backup_assets.cli import (
    alerts,
    altctl,
    backup,
    check,
    compose,
    configuration,
    drift,
    drill,
    kit,
    metrics,
    offsite,
    proofs,
    report,
    restore,
    retention,
    self_test,
    signal_test,
    snapshots,
    status,
)
from alt_backup_assets.cli.output import (
    FAILED,
    INTERRUPTED,
    WRONG_USAGE,
    Report,
    line,
    print_json,
    stderr,
)
from alt_backup_assets.cli.progress import retries_told
from alt_backup_assets.cli.session import Session, config_option, debug_option, pass_session
from alt_backup_assets.cli.signals import interruptible
from alt_backup_assets.errors import AltBackupError, ConfigurationError
from alt_backup_assets.site import Site, open_site

NAME = "alt-backup"


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@config_option
@debug_option
@pass_session
@click.pass_context
def program(context: click.Context, session: Session) -> None:
    """Provable backups: dump, encrypted snapshot, offsite copy, restore drill.

    Exit codes: 0 good, 1 warning or drift, 2 failed or critical, 64 wrong usage or configuration,
    130 interrupted.
    """
    session.verb = context.invoked_subcommand or ""


for _verb in (
    status.status,
    backup.backup,
    snapshots.snapshots,
    offsite.offsite,
    retention.retention,
    check.check,
    drill.drill,
    self_test.self_test,
    proofs.proofs,
    restore.restore,
    drift.drift,
    metrics.metrics,
    report.report,
    alerts.alerts,
    signal_test.signal_test,
    configuration.config,
    compose.compose,
    kit.kit,
    altctl.altctl,
):
    program.add_command(_verb)


def main(
    arguments: Sequence[str] | None = None, *, open_site: Callable[[Path], Site] = open_site
) -> int:
    """Run ``alt-backup``.

    Args:
        arguments: Without the program's name; None for those of this process.
        open_site: Makes the working parts from a configuration file.

    Returns:
        The exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(as_json="--json" in given, open_site=open_site)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an answer must print anywhere
    with interruptible(), retries_told():
        try:
            return _run(session, given)
        except click.exceptions.Exit as end:  # --help
            return end.exit_code
        except (KeyboardInterrupt, click.Abort) as error:
            return _failed(session, error, "interrupted; what was begun is cleaned up", INTERRUPTED)
        except Exception as error:  # noqa: BLE001 -- the outermost door: a crash is red, never 1
            return _failed(session, error, *_judged(error))


def _run(session: Session, arguments: list[str]) -> int:
    with program.make_context(NAME, arguments, obj=session) as context:
        code = int(program.invoke(context))
    sys.stdout.flush()  # while a pipe that broke can still be told
    return code


def _judged(error: Exception) -> tuple[str, int]:
    """Return how an error is worded, and its exit code."""
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        more = f" ({context.command_path} --help says more)" if context else ""
        return f"{error.format_message()}{more}", WRONG_USAGE
    if isinstance(error, ConfigurationError):
        return str(error), WRONG_USAGE
    if isinstance(error, (AltBackupError, OSError)):
        return str(error), FAILED
    return f"{type(error).__name__}: {error} (a defect; --debug shows where)", FAILED


def _failed(session: Session, error: BaseException, message: str, code: int) -> int:
    with suppress(OSError):  # a stream nobody reads any more, or a full disk: the code tells
        if session.debug and code != INTERRUPTED:
            traceback.print_exception(error, file=sys.stderr)
        line(stderr(), f"{NAME}: {message}", style="red")
    if isinstance(error, BrokenPipeError):
        # The interpreter's own flush at the end must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    elif session.as_json and not session.answered:
        verdict = "CRITICAL" if session.verb == "status" else "FAILED"
        with suppress(OSError):
            print_json(session, Report(verdict=verdict, reasons=(message,)))
    return code
