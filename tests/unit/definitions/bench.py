"""Sites without programs, and runs of their definitions inside this process.

Volumes of plain files need no program, so a whole run works on fakes. Keep out: real services,
which ``tests/integration`` has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from alt_backup_assets.config import Configuration
from alt_backup_assets.definitions.build import build_defs
from alt_backup_assets.definitions.schedules import PARTITION_TAG
from alt_backup_assets.registry.load import load_registry
from alt_backup_assets.registry.volume import Registry, Volume
from alt_backup_assets.site import Site
from tests.fakes.platform import FakePlatform
from tests.fakes.restic import FakeRestic
from tests.fakes.scratch_repository import ScratchRepositories

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERYTHING = "__ASSET_JOB"


@dataclass
class Clock:
    """A clock that stands still, or runs ahead of the real one.

    Attributes:
        at: The time it shows; None for the real time.
        ahead: Added to it.
    """

    at: datetime | None = None
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return (self.at or datetime.now(UTC)) + self.ahead


def make_site(
    directory: Path,
    registry: str | Registry = "demo",
    *,
    clock: Clock | None = None,
    platform: FakePlatform | None = None,
    **settings: object,
) -> Site:
    """Make a site of fakes.

    Args:
        directory: Room for its files.
        registry: A registry, or the name of one that ships.
        clock: Its clock; by default one that stands at ``NOW``.
        platform: Its platform.
        settings: More of the configuration.
    """
    named = registry if isinstance(registry, str) else "demo"
    repository = {"url": str(directory / "repository"), "password_file": str(directory / "key")}
    config = Configuration.model_validate(
        {
            "platform": {"kind": "local", "name": "fake"},
            "registry": named,
            "timezone": "UTC",
            "directories": {"state": str(directory / "state")},
            "repositories": {
                "local": repository,
                "offsite": repository | {"url": str(directory / "offsite")},
            },
        }
        | settings
    )
    return Site(
        config=config,
        registry=registry if isinstance(registry, Registry) else load_registry(registry),
        platform=platform or FakePlatform(),
        local=FakeRestic("/fake/local"),
        offsite=FakeRestic("/fake/offsite"),
        now=clock or Clock(NOW),
        open_repository=ScratchRepositories(),
    )


def repository(site: Site) -> dg.RepositoryDefinition:
    """Return a site's definitions as Dagster loads them."""
    return build_defs(site).get_repository_def()


def files_volumes(*names: str) -> Registry:
    """Return a registry of volumes of plain files."""
    volumes = (
        Volume(name=name, service=f"{name}-service", category="data", engine="files")
        for name in names
    )
    return Registry(source="volumes.yaml", volumes=tuple(volumes))


@dataclass
class Machine:
    """A site with volumes of plain files, on which runs work.

    Attributes:
        directory: Holds all of it.
        site: The site; its clock runs with the real one, since dumps are dated by that.
        clock: The site's clock.
        instance: A Dagster instance in memory.
    """

    directory: Path
    site: Site
    clock: Clock
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    def write(self, volume: str, text: str) -> None:
        """Put one file into a volume, in place of the one before."""
        (self.directory / "volumes" / volume / "file").write_text(text)

    def lose(self, volume: str) -> None:
        """Empty a volume."""
        (self.directory / "volumes" / volume / "file").unlink()

    @property
    def today(self) -> str:
        """Today's partition."""
        return self.site.today.isoformat()

    @property
    def restic(self) -> FakeRestic:
        """The local repository."""
        assert isinstance(self.site.local, FakeRestic)
        return self.site.local

    def run(
        self,
        job: str = EVERYTHING,
        *,
        keys: Collection[str] = (),
        day: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job to its end.

        Args:
            job: Its name; by default all assets there are.
            keys: Only these assets, as ``stage/volume``.
            day: The partition; by default today's.
            tags: Of the run.
        """
        # The tag, as in a run of the daemon; `partition_key` would go by the real clock.
        definition = repository(self.site).get_job(job)
        return definition.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(key.split("/")) for key in keys] or None,
            raise_on_error=False,
            tags={PARTITION_TAG: day or self.today, **(tags or {})},
        )


@contextmanager
def machine(directory: Path, *volumes: str) -> Iterator[Machine]:
    """Make a machine with these volumes, each with a file in it."""
    clock, platform = Clock(), FakePlatform()
    for name in volumes:
        platform.volumes[name] = directory / "volumes" / name
        platform.volumes[name].mkdir(parents=True)
    site = make_site(directory, files_volumes(*volumes), clock=clock, platform=platform)
    with dg.DagsterInstance.ephemeral() as instance:
        made = Machine(directory, site, clock, instance)
        for name in volumes:
            made.write(name, f"what is in {name}\n" * 10)
        yield made


def materialised(result: dg.ExecuteInProcessResult) -> set[str]:
    """Return the assets a run materialised, as ``stage/volume``."""
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events if event.asset_key}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the checks a run evaluated, as ``stage/volume:check``."""
    return {
        f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}": evaluation
        for evaluation in result.get_asset_check_evaluations()
    }


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Return why the run failed, as its log says it; empty where it did not."""
    errors = (event.step_failure_data.error for event in result.get_step_failure_events())
    return "\n".join(error.to_string() for error in errors if error)
