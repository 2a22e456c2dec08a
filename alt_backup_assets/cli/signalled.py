"""Tells the world how a call ended: a ping at start and end, a message of what failed.

The command line needs no Dagster, so it sends its own. Drills are told by the key that Dagster's
check has, so that neither tells what the other told. That nobody can be told is a warning, and
never the failure of a backup. Keep out: what a verb does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from alt_backup_assets.cli.progress import Going
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.signals.condition import Condition, check_key
from alt_backup_assets.signals.ping import Event, Job, ping
from alt_backup_assets.signals.told import announcing
from alt_backup_assets.site import Site
from alt_backup_assets.verification.proof import Proof

_REMEDY = (
    "Mend what the error says and run it again; `alt-backup status` says what can be relied on."
)
_WAIT_SECONDS = 30.0


class Call:
    """One call of a verb that people wait for, and how it ends.

    Args:
        site: The machine.
        verb: What is done.
        going: Shows warnings; what it has shown is the log that is sent along.
        job: Whose dead man's switch it serves; None for nobody's.
        part: Whether it does only a part of that job, and so says nothing of the rest.
    """

    def __init__(self, site: Site, verb: str, going: Going, job: Job | None, *, part: bool) -> None:
        self._site = site
        self._verb = verb
        self._going = going
        self._job = job
        self._part = part
        self._run = uuid4()
        self._conditions: list[Condition] = []

    def ended(self, volume: str, error: str | None) -> None:
        """Take down how one volume, or another part of the work, ended."""
        self._add(f"{self._verb} {volume}", f"the {self._verb} of {volume}", error)

    def drilled(self, proof: Proof) -> None:
        """Take down a drill that came to a verdict, as the check that Dagster shows."""
        self.ended(proof.volume, None)
        host = self._site.config.host
        asset = "/".join((*([host] if host else []), "restore_drill", proof.volume))
        check = "restored_content_matches"
        self._conditions.append(
            Condition(
                key=check_key(asset, check),
                level="good" if proof.verdict == "PROVEN" else "critical",
                about=f"the check {check} of {asset}",
                what=f"It failed: {'; '.join(proof.differences)}",
                remedy=f"Do not count on {proof.snapshot[:8]}: take a new one with"
                f" `alt-backup backup --include {proof.volume}`.",
            )
        )

    def begin(self) -> None:
        """Tell that it begins."""
        if not self._part:
            self._ping("start")

    def end(self, error: str | None) -> None:
        """Tell how it ended.

        Args:
            error: What ended it before its time; None where it came to its end.
        """
        if error is None and not self._conditions:
            error = "nothing was attempted"
        self._add(self._verb, f"alt-backup {self._verb}", error)
        good = all(condition.level == "good" for condition in self._conditions)
        self._ping(("log" if self._part else "success") if good else "fail")
        try:
            self._announce()
        except (AltBackupError, OSError) as trouble:
            self._going.warn(f"nobody was told: {trouble}")

    def _add(self, key: str, about: str, error: str | None) -> None:
        self._conditions.append(
            Condition(
                key=key,
                level="critical" if error else "good",
                about=about,
                what=f"It failed: {error}",
                remedy=_REMEDY,
                occurrence=str(self._run),
            )
        )

    def _announce(self) -> None:
        if self._site.config.signals.messages is None:
            return
        with announcing(self._site, wait_seconds=_WAIT_SECONDS) as announcer:
            announcer.together(self._conditions)
            for problem in announcer.problems:
                self._going.warn(problem)

    def _ping(self, event: Event) -> None:
        if self._job is None:
            return
        said = "\n".join((*self._going.lines, *self._failures()))
        if problem := ping(
            self._site.config.signals.pings, self._job, event, run=self._run, said=said
        ):
            self._going.warn(problem)

    def _failures(self) -> Iterator[str]:
        for condition in self._conditions:
            if condition.level != "good":
                yield f"{condition.about}: {condition.what}"


@contextmanager
def signalled(
    site: Site, verb: str, going: Going, job: Job | None, *, part: bool = False
) -> Iterator[Call]:
    """Tell that a call begins and how it ended, whatever ends it; arguments as of ``Call``."""
    call = Call(site, verb, going, job, part=part)
    call.begin()
    try:
        yield call
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        call.end("it was interrupted" if interrupted else str(error) or type(error).__name__)
        raise
    call.end(None)
