"""The real restic after kill -9, beside others, and on damaged data."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from alt_backup_assets.errors import (
    RepositoryError,
    RepositoryLocked,
)
from alt_backup_assets.tools.restic import Restic
from tests.restic_bench import Bench
from tests.restic_contract import save

pytestmark = pytest.mark.integration


def test_a_dead_backups_lock_does_not_stop_a_check(
    bench: Bench, repository: Restic, big_source: Path
) -> None:
    """A lock whose process was killed is removed, and the check runs."""
    repository.init()
    with bench.slow_backup(big_source) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert list((bench.directory / "repository/locks").iterdir())
    repository.check()
    assert list((bench.directory / "repository/locks").iterdir()) == []


def test_orphaned_locks_are_named_when_removed(
    bench: Bench, repository: Restic, big_source: Path
) -> None:
    """Removing the locks of the dead returns their ids; a second time there are none."""
    repository.init()
    with bench.slow_backup(big_source) as child:
        child.kill()
        child.wait()
    (lock,) = (bench.directory / "repository/locks").iterdir()
    assert repository.remove_orphaned_locks() == (lock.name,)
    assert repository.remove_orphaned_locks() == ()


def test_a_live_lock_is_respected(bench: Bench, repository: Restic, big_source: Path) -> None:
    """A running backup keeps its lock; who wants the repository alone hears who has it."""
    repository.init()
    with bench.slow_backup(big_source) as child:
        with pytest.raises(RepositoryLocked, match=f"PID {child.pid} "):
            repository.check()
        with pytest.raises(RepositoryLocked, match=f"process {child.pid} "):
            repository.remove_orphaned_locks()
        assert len(list((bench.directory / "repository/locks").iterdir())) == 1
        repository.open()


def test_a_killed_backup_leaves_nothing_and_its_rerun_converges(
    bench: Bench, repository: Restic, big_source: Path, tmp_path: Path
) -> None:
    """After kill -9 no snapshot is listed; the rerun saves all, and prune and check pass."""
    repository.init()
    with bench.slow_backup(big_source) as child:
        time.sleep(1.5)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert repository.snapshots() == ()
    taken = save(repository, big_source)
    assert repository.check().suggest_prune
    repository.prune()
    assert not repository.check(read_data_subset="1/1").suggest_prune
    repository.restore(taken.id, tmp_path / "target")
    restored = tmp_path / "target/random"
    assert restored.read_bytes() == (big_source / "random").read_bytes()


def _flip_a_byte_of_the_largest_pack(repository: Path) -> None:
    packs = [path for path in (repository / "data").rglob("*") if path.is_file()]
    pack = max(packs, key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    content = bytearray(pack.read_bytes())
    content[1000] ^= 1
    pack.write_bytes(content)


def test_a_flipped_byte_is_found_by_reading(
    bench: Bench, repository: Restic, big_source: Path, tmp_path: Path
) -> None:
    """The structure alone stays green; a check that reads the data, and a restore, do not."""
    repository.init()
    taken = save(repository, big_source)
    _flip_a_byte_of_the_largest_pack(bench.directory / "repository")
    repository.check()
    with pytest.raises(RepositoryError, match="ciphertext verification failed"):
        repository.check(read_data_subset="1/1")
    with pytest.raises(RepositoryError, match="ciphertext verification failed"):
        repository.restore(taken.id, tmp_path / "target")
