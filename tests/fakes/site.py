"""A real ``Site`` on fakes: repositories in memory, scripted services, a clock that is set.

Keep out: what a single stage's tests need; they build on this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from alt_backup_assets.config import Configuration
from alt_backup_assets.dumps.store import StoredDump
from alt_backup_assets.dumps.take import take_dump
from alt_backup_assets.registry.volume import Engine, Exclusion, Registry, Volume
from alt_backup_assets.site import Site
from alt_backup_assets.snapshots.back_up import BackedUp, back_up
from alt_backup_assets.snapshots.take import Held, SnapshotTaken, put_in
from alt_backup_assets.tools.restic import Snapshot
from alt_backup_assets.verification.drill import drill, newest_target
from alt_backup_assets.verification.proof import Proof, Source
from tests.fakes.clock import Clock
from tests.fakes.engine import FakeEngine
from tests.fakes.platform import FakePlatform
from tests.fakes.restic import FakeRestic

PLATFORM = "fake"
ENGINE: Engine = "redis"
"""The engine of every volume here; the fake driver stands in the place of the real one."""

DB, TOKENS, MODELS = "db_data", "token-data", "models"

REGISTRY = Registry(
    source="volumes.yaml",
    volumes=(
        Volume(name=DB, service="db", engine=ENGINE, category="critical"),
        Volume(name=TOKENS, service="auth", engine=ENGINE, category="data"),
        Volume(
            name=MODELS,
            service="news",
            category="models",
            excluded=Exclusion(reason="can be downloaded again", review=date(2030, 1, 1)),
        ),
    ),
)


def fake_site(
    directory: Path,
    registry: Registry = REGISTRY,
    *,
    now: Clock | None = None,
    platform: FakePlatform | None = None,
    local: FakeRestic | None = None,
    offsite: FakeRestic | None = None,
    settings: Mapping[str, object] | None = None,
) -> Site:
    """Make a site.

    Args:
        directory: Room for its state; nothing is written before it is used.
        registry: What it protects.
        now: Its clock.
        platform: Its platform.
        local: Its local repository.
        offsite: Its offsite repository.
        settings: In place of parts of the configuration.
    """
    password = str(directory / "password")
    place = {"url": "/fake/local", "password_file": password, "medium": "disk"}
    config = {
        "platform": {"kind": "local", "name": PLATFORM},
        "registry": "volumes",
        "timezone": "Asia/Tokyo",
        "directories": {"state": str(directory / "state")},
        "repositories": {
            "local": place,
            "offsite": place | {"url": "/fake/offsite", "medium": "remote"},
        },
    }
    return Site(
        config=Configuration.model_validate(config | dict(settings or {})),
        registry=registry,
        platform=platform or FakePlatform(PLATFORM),
        local=local or FakeRestic("/fake/local"),
        offsite=offsite or FakeRestic("/fake/offsite"),
        now=now or Clock(),
    )


@dataclass
class Machine:
    """A site whose volumes hold data, with a handle on each of its fakes."""

    site: Site
    clock: Clock
    platform: FakePlatform
    local: FakeRestic
    offsite: FakeRestic
    engine: FakeEngine

    def volume(self, name: str = DB) -> Volume:
        """Return a volume of the registry."""
        return self.site.registry.volume(name)

    def write(self, data: bytes, volume: str = DB) -> None:
        """Replace what is in a volume."""
        self.engine.data[volume]["data.bin"] = data

    def dump(self, volume: str = DB, *, root_run: str | None = None) -> StoredDump:
        """Take a dump today."""
        return take_dump(self.site, self.volume(volume), day=self.site.today, root_run=root_run)

    def take(self, volume: str = DB) -> SnapshotTaken:
        """Take a dump and its snapshot."""
        return take_snapshot(self.site, self.volume(volume), self.dump(volume))

    def snapshot(self, volume: str = DB) -> Snapshot:
        """Take a dump and return the snapshot of it."""
        return self.take(volume).snapshot

    def back_up(
        self,
        *,
        dumps: Collection[str] = (DB, TOKENS),
        snapshots: Collection[str] = (DB, TOKENS),
        root_run: str | None = None,
        spare_unchanged: bool = False,
    ) -> dict[str, BackedUp]:
        """Back volumes up and return how each ended."""
        ended = back_up(
            self.site,
            dumps=dumps,
            snapshots=snapshots,
            day=self.site.today,
            root_run=root_run,
            spare_unchanged=spare_unchanged,
            notify=_nobody,
        )
        return {done.volume: done for done in ended}

    def drill(self, volume: str = DB, *, source: Source = "local") -> Proof:
        """Drill the newest snapshot of a volume."""
        proof = drill(self.site, newest_target(self.site, volume, source=source))
        assert proof is not None
        return proof


def take_snapshot(site: Site, volume: Volume, dump: StoredDump) -> SnapshotTaken:
    """Put one dump into the repository."""
    return put_in(site, volume, dump, Held(site))


def fake_machine(directory: Path, settings: Mapping[str, object] | None = None) -> Machine:
    """Make a machine with some data in every planned volume; its engine has to be installed."""
    clock, platform = Clock(), FakePlatform(PLATFORM)
    local, offsite = FakeRestic("/fake/local"), FakeRestic("/fake/offsite")
    site = fake_site(
        directory, now=clock, platform=platform, local=local, offsite=offsite, settings=settings
    )
    data = {v.name: {"data.bin": f"rows of {v.name}".encode()} for v in site.registry.planned}
    return Machine(site, clock, platform, local, offsite, FakeEngine(clock, data))


def _nobody(_line: str) -> None:
    """Take a line of progress and drop it."""
