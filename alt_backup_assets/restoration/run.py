"""Brings volumes back as planned: all of a volume or nothing of it.

A volume of files is laid out beside its directory, checked there, and put in its place in one
step; a server loads its dump itself. kill -9 leaves the old data or the new, and a rerun removes
what it left and finishes. Keep out: what can be known beforehand (``preflight``).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alt_backup_assets.dumps.drivers import driver
from alt_backup_assets.dumps.engine import Loading, ThroughServer, VolumeFiles
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.record import (
    DumpRecord,
    artifact_differences,
    compare,
    read_record,
)
from alt_backup_assets.dumps.tree import read_tree
from alt_backup_assets.errors import (
    AltBackupError,
    RestoreError,
    RestoreFailed,
    RestoreRefused,
    VolumeBusy,
)
from alt_backup_assets.platforms.processes import end_processes_on
from alt_backup_assets.restoration.exchange import exchange, sync, sync_tree
from alt_backup_assets.restoration.plan import Plan, Step
from alt_backup_assets.restoration.preflight import Checked
from alt_backup_assets.restoration.stopped import forget, remember
from alt_backup_assets.site import Site
from alt_backup_assets.tools.parallel import in_words
from alt_backup_assets.verification.drill import identity_differences, repository

# A full disk, and what damaged data makes of a parser, are Python's own errors.
_FAILURES = (AltBackupError, OSError, ValueError, LookupError)
_UNTOUCHED = "nothing was replaced"

Notify = Callable[[str], object]


@dataclass(frozen=True)
class Restored:
    """How the restore of one volume ended.

    Attributes:
        plan: What was to be done.
        differences: Why it is FAILED, in sentences; empty where all is back as recorded.
        steps: What was begun, in sentences, the last one being where it ended.
        duration_seconds: From the first step to the last.
    """

    plan: Plan
    differences: tuple[str, ...]
    steps: tuple[str, ...]
    duration_seconds: float


def bring_back(site: Site, checked: Iterable[Checked], notify: Notify) -> Iterator[Restored]:
    """Bring volumes back one after the other; one that fails does not stop the others.

    Args:
        site: The machine.
        checked: What pre-flight said, of all of them.
        notify: Gets a line per step.

    Yields:
        How each ended.

    Raises:
        RestoreRefused: Pre-flight found a problem; nothing was touched.
    """
    found = tuple(checked)
    problems = [f"{each.volume.name}: {said}" for each in found for said in each.problems]
    if problems:
        raise RestoreRefused("nothing was touched:\n" + "\n".join(problems))
    _sweep(site, notify)
    for each in found:
        if each.plan:
            yield _Restoring(site, each.plan, notify).run()


def scratch_directory(site: Site, volume: str) -> Path:
    """Return where a dump that a server loads is fetched to; the volume's lock guards it."""
    return site.scratch / f"restore-{volume}"


def staging_directory(place: Path, volume: str) -> Path:
    """Return where a tree is laid out: beside the place it goes to."""
    return place.parent / f".alt-backup-restore-{volume}"


@dataclass
class _Restoring:
    """One restore while it runs: what is done so far, in case it stops here."""

    site: Site
    plan: Plan
    notify: Notify
    steps: list[str] = field(default_factory=list)
    state: str = _UNTOUCHED

    def run(self) -> Restored:
        started = time.monotonic()
        try:
            with self.site.lock(self.plan.volume.name):
                differences = self._bring_back()
        except RestoreError as error:
            differences = (str(error),)
        except _FAILURES as error:
            differences = (f"{in_words(error)} ({self.state})",)
        seconds = round(time.monotonic() - started, 3)
        return Restored(self.plan, differences, tuple(self.steps), seconds)

    def _bring_back(self) -> tuple[str, ...]:
        volume, place = self.plan.volume, self.plan.place
        if place is None:
            room = scratch_directory(self.site, volume.name)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            room = staging_directory(place, volume.name)
        with self._fetched(room) as directory:
            record = self._checked(directory)
            if place is None:
                return self._load(record, directory)
            self._put(record, directory, place)
            return ()

    @contextmanager
    def _fetched(self, room: Path) -> Iterator[Path]:
        directory = room / "dump"
        if room.exists():  # a crash left it, perhaps with a restic that lives on
            end_processes_on(directory)
            shutil.rmtree(room)
        directory.mkdir(mode=0o700, parents=True)
        room.chmod(0o700)
        try:
            self._begin("fetch")
            target = self.plan.target
            repository(self.site, target.source).restore(target.snapshot, directory)
            yield directory
        finally:
            shutil.rmtree(room)

    def _checked(self, directory: Path) -> DumpRecord:
        self._begin("check")
        record = read_record(directory)
        wrong = (
            *identity_differences(self.site, self.plan.target, record),
            *artifact_differences(record, directory),
            *self._other_program(record),
        )
        _require_none(wrong)
        return record

    def _other_program(self, record: DumpRecord) -> tuple[str, ...]:
        """Say so where the tree would be put under another version than that which wrote it."""
        place = self.plan
        if record.runtime is None or not (place.live and place.laid_out) or place.forced:
            return ()
        try:
            found = self.site.platform.image(place.volume.service)
        except AltBackupError:
            return ()  # pre-flight met the same, and was told to go on
        if found in (None, record.runtime.image):
            return ()
        said = f"service {place.volume.service} is made from {found}, and the data was written by"
        remedy = "make it from that one, or say --force if it can read it"
        return (f"{said} {record.runtime.image}: {remedy}",)

    def _put(self, record: DumpRecord, directory: Path, place: Path) -> None:
        restoration = driver(record.engine, record.volume).RESTORATION
        tree = directory
        if self.plan.laid_out:
            if not isinstance(restoration, VolumeFiles):
                raise RestoreFailed(
                    f"a dump of the engine {record.engine} is no volume's tree; {_UNTOUCHED}"
                )
            tree = restoration.lay_out(record, directory)
            if isinstance(record.content, FilesContent):
                _require_none(compare(record.content, read_tree(tree)).differences)
        sync_tree(tree)
        with self._stopped():
            self._begin("exchange")
            if place.exists():
                exchange(tree, place)
            else:
                tree.rename(place)
                sync(place.parent)
            self.state = f"{place} holds the restored data"

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        service = self.plan.volume.service
        if self.plan.stops:
            self._begin("stop")
            remember(self.site, service)
            try:
                self.site.platform.stop(service)
                yield
            finally:
                self._start()
            return
        if self.plan.live and self._has_started():
            raise RestoreFailed(f"service {service} was started meanwhile; {_UNTOUCHED}")
        yield
        if self.plan.starts:
            self._start()

    def _start(self) -> None:
        self._begin("start")
        self.site.platform.start(self.plan.volume.service)
        forget(self.site, self.plan.volume.service)

    def _has_started(self) -> bool:
        """Tell whether a service runs that did not, or that nobody can tell about."""
        try:
            return bool(self.site.platform.is_running(self.plan.volume.service))
        except AltBackupError:
            return False  # pre-flight met the same, and was told to go on

    def _load(self, record: DumpRecord, directory: Path) -> tuple[str, ...]:
        volume = self.plan.volume
        restoration = driver(record.engine, record.volume).RESTORATION
        if not isinstance(restoration, ThroughServer):
            raise RestoreFailed(
                f"a dump of the engine {record.engine} is not loaded by a server; {_UNTOUCHED}"
            )
        if self.plan.starts:
            self._start()
        service = self.site.platform.service(volume.service)
        restoration.wait(volume, service)
        self._begin("load")
        self.state = f"{self.plan.target_name} may have changed: look before it is used"
        loaded = restoration.load(Loading(volume, record, directory, service, self.plan.into))
        self._begin("compare")
        return compare(record.content, loaded).differences

    def _begin(self, step: Step) -> None:
        said = self.plan.sentence(step)
        self.steps.append(said)
        self.notify(f"{self.plan.volume.name}: {said}")


def _require_none(differences: tuple[str, ...]) -> None:
    if differences:
        raise RestoreFailed(f"{'; '.join(differences)}; {_UNTOUCHED}")


def _sweep(site: Site, notify: Notify) -> None:
    """Remove what crashed restores fetched, and nothing a live one is using."""
    for volume in site.registry.planned:
        directory = scratch_directory(site, volume.name)
        if directory.exists():
            try:
                with site.lock(volume.name):
                    if directory.exists():  # no other restore was faster
                        end_processes_on(directory / "dump")
                        shutil.rmtree(directory)
            except VolumeBusy:
                continue
            except OSError as error:  # no reason not to bring back what was asked for
                notify(f"{directory} could not be removed: {in_words(error)}")
