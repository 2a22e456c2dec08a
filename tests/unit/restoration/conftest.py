"""A machine whose volumes are real directories and whose services are scripted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from alt_backup_assets.dumps.drivers import DRIVERS
from alt_backup_assets.dumps.engine import Dumped, Restoration
from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.record import DumpRecord
from alt_backup_assets.platforms.seam import Platform
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.restoration.plan import Wish
from alt_backup_assets.restoration.preflight import preflight
from alt_backup_assets.restoration.run import Restored, bring_back
from tests.fakes.clock import Clock
from tests.fakes.loading import FakeServerEngine
from tests.fakes.platform import RUNTIME
from tests.fakes.site import DB, ENGINE, TOKENS, Machine, fake_machine

SERVICES = {DB: "db", TOKENS: "auth"}


@dataclass
class DatedFiles:
    """The engine of plain files, dated by the test's clock."""

    clock: Clock
    RESTORATION: ClassVar[Restoration] = files.RESTORATION

    def dump(self, volume: Volume, platform: Platform, directory: Path) -> Dumped:
        """Copy the volume."""
        dumped = files.dump(volume, platform, directory)
        return replace(dumped, taken_at=self.clock(), runtime=RUNTIME)

    def rehearse(self, record: DumpRecord, directory: Path, platform: Platform) -> FilesContent:
        """Read it again."""
        return files.rehearse(record, directory, platform)


@dataclass
class Bench:
    """A machine and what is asked of it.

    Attributes:
        machine: Its site and its fakes.
        room: Where the volumes are.
        told: The lines of all restores.
    """

    machine: Machine
    room: Path
    told: list[str] = field(default_factory=list)

    def place(self, volume: str = DB) -> Path:
        """Return the directory of a volume."""
        return self.room / volume

    def write(self, text: str, volume: str = DB) -> None:
        """Put a file with this text into a volume, and a directory beside it."""
        (self.place(volume) / "deep").mkdir(parents=True, exist_ok=True)
        (self.place(volume) / "deep" / "rows").write_text(text)

    def read(self, volume: str = DB) -> str:
        """Return the text in a volume."""
        return (self.place(volume) / "deep" / "rows").read_text()

    def stop_all(self) -> None:
        """Let no service run."""
        self.machine.platform.stopped |= set(SERVICES.values())

    def problems(self, wish: Wish | None = None, *volumes: str) -> list[str]:
        """Return what pre-flight says about volumes."""
        chosen = [self.machine.volume(name) for name in volumes or (DB,)]
        checked = preflight(self.machine.site, chosen, wish or Wish())
        return [said for each in checked for said in each.problems]

    def restore(self, wish: Wish | None = None, *volumes: str) -> list[Restored]:
        """Restore volumes."""
        chosen = [self.machine.volume(name) for name in volumes or (DB,)]
        checked = preflight(self.machine.site, chosen, wish or Wish())
        return list(bring_back(self.machine.site, checked, self.told.append))

    def leftovers(self) -> list[Path]:
        """Return what a restore must not leave."""
        return [*self.room.glob(".alt-backup*"), *self.machine.site.scratch.glob("*")]


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a machine of files volumes with one snapshot each; its services run."""
    bench = Bench(fake_machine(tmp_path), tmp_path / "volumes")
    monkeypatch.setitem(DRIVERS, ENGINE, DatedFiles(bench.machine.clock))
    for volume, service in SERVICES.items():
        bench.write(f"first {volume}", volume)
        bench.machine.platform.volumes[volume] = bench.place(volume)
        bench.machine.platform.add(service)
    bench.machine.local.init()
    for volume in SERVICES:
        bench.machine.take(volume)
        bench.write(f"lost {volume}", volume)
    return bench


@pytest.fixture(name="loading")
def _loading(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> FakeServerEngine:
    """Return the engine of the same machine, with snapshots that a server loads."""
    engine = FakeServerEngine(bench.machine.engine)
    monkeypatch.setitem(DRIVERS, ENGINE, engine)
    bench.machine.clock.advance(hours=1)
    for volume in SERVICES:
        bench.machine.take(volume)
    return engine
