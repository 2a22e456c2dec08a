"""What the grid says of a volume on a backup day: the rules, and nothing that reads.

A trace is what is still there of a day: a dump on disk, a snapshot, a copy, a proof. Absence is
never green. It is *missing*, unless the schedule did not ask for it, its time has not come, or
retention may have removed it: then it is *expired* where a copy or a proof tells that it was
there, and *unknown* where nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cronsim import CronSim

from alt_backup_assets.config import Retention, Schedules
from alt_backup_assets.report.facts import Cell, Stage, State
from alt_backup_assets.status.verdict import Evidence
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.proof import ProofSummary

DayOf = Callable[[datetime], date]


@dataclass(frozen=True)
class Calendar:
    """When each stage is asked for, in the configured time zone.

    Attributes:
        now: In that time zone.
        schedules: The configured cron lines.
        first: The first day of which the platform has any trace; None without any.
    """

    now: datetime
    schedules: Schedules
    first: date | None

    def ticks(self, days: Sequence[date]) -> dict[tuple[Stage, date], datetime | None]:
        """Return when each stage is asked for on each day; None where it is not."""
        lines: dict[Stage, str] = {
            "dump": self.schedules.daily,
            "snapshot": self.schedules.daily,
            "offsite": self.schedules.offsite,
            "drill": self.schedules.daily,  # a drill follows every new daily snapshot
        }
        return {
            (stage, day): _tick(
                line, datetime(day.year, day.month, day.day, tzinfo=self.now.tzinfo)
            )
            for stage, line in lines.items()
            for day in days
        }


def _tick(line: str, midnight: datetime) -> datetime | None:
    tick = next(CronSim(line, midnight - timedelta(seconds=1)))
    return tick if tick.date() == midnight.date() else None


@dataclass(frozen=True)
class Traces:
    """What is left of one volume, by backup day; None where that cannot be read or believed."""

    local: dict[date, Snapshot] | None
    offsite: dict[date, Snapshot] | None
    proofs: dict[date, ProofSummary] | None
    dumped: frozenset[date]
    damage: tuple[str, ...]

    @classmethod
    def of(cls, evidence: Evidence, day_of: DayOf) -> Traces:
        """Sort a volume's evidence by backup day; the newest of a day stands for it."""
        return cls(
            local=_by_day(evidence.local, day_of),
            offsite=_by_day(evidence.offsite, day_of),
            proofs=(
                {day_of(proof.taken_at): proof for proof in evidence.proofs}
                if evidence.proofs_known
                else None
            ),
            dumped=evidence.dumped,
            damage=evidence.damage,
        )

    @property
    def days(self) -> frozenset[date]:
        """Every day of which anything is left."""
        held = (self.local, self.offsite, self.proofs, self.dumped)
        return frozenset(day for days in held for day in days or ())


def _by_day(snapshots: Sequence[Snapshot] | None, day_of: DayOf) -> dict[date, Snapshot] | None:
    if snapshots is None:
        return None
    return {day_of(snapshot.time): snapshot for snapshot in snapshots}


@dataclass(frozen=True)
class Row:
    """The cells of one volume.

    Attributes:
        traces: What is left of it.
        calendar: When things are asked for.
        ticks: As ``Calendar.ticks`` returns them.
        patience: How long a stage may take after its tick.
        local: Retention of the local repository.
        offsite: Retention of the offsite repository; None where nothing is removed there.
        has_offsite: Whether there is an offsite repository.
    """

    traces: Traces
    calendar: Calendar
    ticks: dict[tuple[Stage, date], datetime | None]
    patience: timedelta
    local: Retention
    offsite: Retention | None
    has_offsite: bool

    def cells(self, day: date) -> tuple[Cell, ...]:
        """Return the four cells of a backup day."""
        return (
            Cell("dump", *self._dump(day)),
            Cell("snapshot", *self._snapshot(day)),
            Cell("offsite", *self._offsite(day)),
            Cell("drill", *self._drill(day)),
        )

    def _dump(self, day: date) -> tuple[State, str]:
        traces = self.traces
        if traces.damage and day == max(traces.dumped, default=self._today):
            return "failed", "; ".join(traces.damage)
        if day in traces.dumped:
            return "done", "a dump is on disk"
        if day in (traces.local or ()):
            return "done", "a snapshot holds the dump"
        if self._was_there(day):
            return "expired", "there was one; a copy or a proof tells of it"
        return self._absent("dump", day)

    def _snapshot(self, day: date) -> tuple[State, str]:
        local = self.traces.local
        if local is None:
            return "unknown", "the local repository cannot be read"
        if day in local:
            return "done", f"snapshot {local[day].short}"
        if not self._was_there(day):
            return self._absent("snapshot", day)
        if _is_out_of_reach(local, day, self.local):
            return "expired", "removed by retention since; a copy or a proof tells of it"
        return "missing", "there was one, and retention did not remove it"

    def _offsite(self, day: date) -> tuple[State, str]:
        copies = self.traces.offsite
        if not self.has_offsite:
            return "none", "there is no offsite repository"
        if copies is None:
            return "unknown", "the offsite repository cannot be read"
        if day in copies:
            return "done", f"copy {copies[day].short}"
        state, said = self._absent("offsite", day)
        if state == "missing" and self.offsite and _is_out_of_reach(copies, day, self.offsite):
            return "unknown", "no trace is left; retention may have removed it"
        return state, said

    def _drill(self, day: date) -> tuple[State, str]:
        proofs = self.traces.proofs
        if proofs is None:
            state, said = self._absent("drill", day)
            if state == "none":
                return state, said
            return "unknown", "the proofs of the volume cannot be believed"
        proof = proofs.get(day)
        if proof is None:
            return self._absent("drill", day)
        what = f"of {proof.snapshot[:8]} from {proof.source}"
        if proof.verdict == "PROVEN":
            return "done", f"proven, {what}"
        return "failed", f"the drill {what} failed: {'; '.join(proof.differences[:2])}"

    @property
    def _today(self) -> date:
        return self.calendar.now.date()

    def _was_there(self, day: date) -> bool:
        return day in (self.traces.offsite or ()) or day in (self.traces.proofs or ())

    def _absent(self, stage: Stage, day: date) -> tuple[State, str]:
        tick = self.ticks[stage, day]
        if tick is None:
            return "none", "not scheduled on that day"
        if self.calendar.first and day < self.calendar.first:
            return "none", f"nothing at all is known of the time before {self.calendar.first}"
        if day == self._today and (stage == "drill" or self.calendar.now < tick + self.patience):
            return "pending", "not expected yet"
        local = self.traces.local
        if stage in {"dump", "snapshot"} and local and _is_out_of_reach(local, day, self.local):
            return "unknown", "no trace is left; retention may have removed it"
        return "missing", "nothing was found"


def _is_out_of_reach(held: dict[date, Snapshot], day: date, retention: Retention) -> bool:
    """Tell whether retention removes a day: enough newer days are held for `daily` to end."""
    return sum(other > day for other in held) >= retention.daily
