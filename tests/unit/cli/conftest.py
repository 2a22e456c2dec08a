"""A machine with two volumes of plain files, and the command line on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alt_backup_assets.cli import main
from alt_backup_assets.config import LocalPlatform, load_configuration
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.registry.load import load_registry
from alt_backup_assets.site import Site
from tests.fakes.restic import FakeRestic
from tests.fakes.scratch_repository import ScratchRepositories

CONFIGURATION = """
platform:
  kind: local
  name: test
  volumes: {tokens: volumes/tokens, logs: volumes/logs}
registry: ./registry.yaml
timezone: UTC
directories: {state: state}
repositories:
  local: {url: local, password_file: password}
  offsite: {url: offsite, password_file: password, medium: tape}
"""

REGISTRY = """
volumes:
  tokens: {service: auth, engine: files, category: data}
  logs: {service: logger, engine: files, category: metrics, rpo: {warn: 90m}}
  models:
    service: news
    category: models
    excluded: {reason: can be downloaded again, review: 2999-12-31}
"""


@dataclass(frozen=True)
class Ran:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """All of stdout, which must be one JSON object."""
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer


@dataclass
class Machine:
    """The machine the calls work on; parts of it are broken by tests."""

    directory: Path
    local: FakeRestic
    offsite: FakeRestic
    later: timedelta = timedelta(0)
    broken: Exception | None = None
    scratch: ScratchRepositories = field(default_factory=ScratchRepositories)

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.directory / "alt-backup.yaml"

    @property
    def state(self) -> Path:
        """Our own directory."""
        return self.directory / "state"

    def volume(self, name: str) -> Path:
        """Return where the live files of a volume are."""
        return self.directory / "volumes" / name

    def site(self, configuration: Path) -> Site:
        """Open the site, as ``open_site`` does, over repositories in memory."""
        if self.broken:
            raise self.broken
        config = load_configuration(configuration)
        assert isinstance(config.platform, LocalPlatform)
        return Site(
            config=config,
            registry=load_registry(config),
            platform=LocalMachine(config.platform, scratch=self.state / "scratch"),
            local=self.local,
            offsite=self.offsite if config.repositories.offsite else None,
            now=lambda: datetime.now(UTC) + self.later,
            open_repository=self.scratch,
        )

    def rewrite(self, old: str, new: str, *, file: str = "alt-backup.yaml") -> None:
        """Change a file of the operator."""
        path = self.directory / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


Call = Callable[..., Ran]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose volumes hold files, and no Dagster."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ALT_BACKUP_CONFIG", str(tmp_path / "alt-backup.yaml"))
    made = Machine(tmp_path, FakeRestic("/fake/local"), FakeRestic("/fake/offsite"))
    made.configuration.write_text(CONFIGURATION)
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    (tmp_path / "password").write_text("nothing is protected by it\n")
    (tmp_path / "password").chmod(0o600)
    for name in ("tokens", "logs"):
        made.volume(name).mkdir(parents=True)
        (made.volume(name) / f"{name}.txt").write_text(f"of {name}\n")
    return made


@pytest.fixture
def call(machine: Machine, capsys: pytest.CaptureFixture[str]) -> Call:
    """Return what runs ``alt-backup`` on the machine."""

    def run(*arguments: str) -> Ran:
        words: Sequence[str] = arguments
        code = main(words, open_site=machine.site)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def backed_up(machine: Machine, call: Call) -> Machine:
    """Return a machine with a snapshot of every volume."""
    assert call("backup").code == 0
    return machine
