"""Goes through every fault there is and asks the drill about each; see the package."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from alt_backup_assets.dumps.planters import PLANTERS
from alt_backup_assets.dumps.planting import Damage, Sound
from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.site import Site
from alt_backup_assets.tools.parallel import in_words
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.drill import Target
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.self_test import repository
from alt_backup_assets.verification.self_test.bench import SELF_TEST, Bench, open_bench
from alt_backup_assets.verification.self_test.choose import Chosen, candidates, choose
from alt_backup_assets.verification.self_test.result import (
    ControlResult,
    FaultResult,
    SelfTestResult,
    record,
)
from alt_backup_assets.verification.sweep import sweep_first

# A full disk, and what damaged data makes of a parser, are Python's own errors.
_FAILURES = (AltBackupError, OSError, ValueError, LookupError)

FAULTS: tuple[str, ...] = (
    *(fault for planter in PLANTERS.values() for fault in planter.FAULTS),
    *repository.FAULTS,
)
"""Every fault there is, in the order of a result."""

Notify = Callable[[str], object]
_Drill = Callable[[], tuple[Proof, str]]


def self_test(site: Site, *, notify: Notify) -> SelfTestResult:
    """Plant every fault in scratch copies and require that the drill names each.

    Args:
        site: The machine; nothing but the result is written to its state.
        notify: Gets a line per step.

    Returns:
        What was found, recorded already. Whatever kept a fault from being planted or drilled
        is in it, as a fault that was not detected.

    Raises:
        VolumeBusy: Another self-test is running.
    """
    sweep_first(site, notify)
    with site.lock(SELF_TEST):
        testing = _Testing(notify)
        try:
            site.local.require_version()
            found = candidates(site, site.local.snapshots(host=site.name))
            with open_bench(site) as bench:
                testing.run(bench, found)
        except _FAILURES as error:
            testing.stopped(in_words(error))
        result = testing.result(site)
        record(site, result)
        return result


@dataclass
class _Testing:
    """One self-test while it runs: what is known so far, in case it stops here."""

    notify: Notify
    controls: list[ControlResult] = field(default_factory=list)
    faults: dict[str, FaultResult] = field(default_factory=dict)

    def run(self, bench: Bench, found: Mapping[str, tuple[Target, ...]]) -> None:
        for engine, planter in PLANTERS.items():
            if engine in found:
                self._engine(bench, engine, found)
            else:
                for fault in planter.FAULTS:
                    self._cannot(fault, f"no planned volume has the engine {engine}")
        if not found:
            for fault in repository.FAULTS:
                self._cannot(fault, "no planned volume has an engine with faults to plant")

    def stopped(self, why: str) -> None:
        """Count all that has no result yet as not detected."""
        for fault in FAULTS:
            self.faults.setdefault(
                fault, FaultResult(fault=fault, detected=False, message=f"not drilled: {why}")
            )

    def result(self, site: Site) -> SelfTestResult:
        """Return what is known, every fault in its place."""
        self.stopped("the control it belongs to was not green")
        return SelfTestResult(
            checked_at=site.now(),
            controls=tuple(self.controls),
            faults=tuple(self.faults[fault] for fault in FAULTS),
        )

    def _engine(self, bench: Bench, engine: str, found: Mapping[str, tuple[Target, ...]]) -> None:
        self.notify(f"{engine}: preparing faults in a copy")
        try:
            chosen = choose(bench, engine, found[engine])
            snapshot = bench.plant(chosen.sound, chosen.planting.control)
            proof = bench.drill(chosen.sound.record.volume, snapshot)
        except _FAILURES as error:
            self._control(ControlResult(engine=engine, proven=False, message=in_words(error)))
            return
        control = _judged_control(engine, proof)
        self._control(control)
        if control.proven:
            if not set(self.faults) & set(repository.FAULTS):
                self._repository(bench, chosen.sound, snapshot, found)
            self._damages(bench, chosen)

    def _damages(self, bench: Bench, chosen: Chosen) -> None:
        for damage in chosen.planting.damages:
            self._drill(damage.fault, chosen.sound, _damaged(bench, chosen.sound, damage))
        for fault, why in chosen.planting.lacking.items():
            self._cannot(fault, f"{chosen.sound.record.volume}: {why}")

    def _repository(
        self,
        bench: Bench,
        sound: Sound,
        snapshot: Snapshot,
        found: Mapping[str, tuple[Target, ...]],
    ) -> None:
        volume = sound.record.volume
        self._drill(
            repository.PACK_BYTE_FLIPPED,
            sound,
            lambda: repository.flipped_pack(bench, volume, snapshot),
        )
        self._drill(
            repository.WRONG_KEY, sound, lambda: repository.wrong_key(bench, volume, snapshot)
        )
        others = [t for targets in found.values() for t in targets if t.volume != volume]
        if others:
            swap = others[0]
            self._drill(
                repository.DUMPS_SWAPPED, sound, lambda: repository.swapped(bench, sound, swap)
            )
        else:
            self._cannot(repository.DUMPS_SWAPPED, "there is no second volume with a snapshot")

    def _drill(self, fault: str, sound: Sound, drill: _Drill) -> None:
        volume = sound.record.volume
        self.notify(f"{fault}: drilling a damaged copy of {volume}")
        try:
            detected, message = _judged(*drill())
        except _FAILURES as error:
            detected, message = False, f"it could not be drilled: {in_words(error)}"
        self.faults[fault] = FaultResult(
            fault=fault, detected=detected, message=message, volume=volume
        )
        if not detected:
            self.notify(f"{fault}: NOT DETECTED: {message}")

    def _control(self, control: ControlResult) -> None:
        self.controls.append(control)
        state = "proven" if control.proven else f"NOT PROVEN: {control.message}"
        self.notify(f"{control.engine}: the copy without a fault is {state}")

    def _cannot(self, fault: str, why: str) -> None:
        self.faults[fault] = FaultResult(fault=fault, detected=None, message=f"not planted: {why}")


def _damaged(bench: Bench, sound: Sound, damage: Damage) -> _Drill:
    def drill() -> tuple[Proof, str]:
        snapshot = bench.plant(sound, damage.change, agrees=damage.agrees)
        return bench.drill(sound.record.volume, snapshot), damage.says

    return drill


def _judged(proof: Proof, says: str) -> tuple[bool, str]:
    """Tell whether a drill was red for the fault it was given, in a sentence of its own."""
    if proof.verdict == "PROVEN":
        return False, "the drill says PROVEN over the planted fault"
    named = next((line for line in proof.differences if re.search(says, line)), None)
    if named is None:
        return False, f"the drill failed for another reason: {'; '.join(proof.differences)}"
    return True, named


def _judged_control(engine: str, proof: Proof) -> ControlResult:
    return ControlResult(
        engine=engine,
        volume=proof.volume,
        proven=proof.verdict == "PROVEN",
        message="; ".join(proof.differences),
    )
