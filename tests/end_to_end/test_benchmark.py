"""The benchmark still does what it says: everybody does the whole work, on very little data.

Nothing here depends on how long anything took.
"""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from benchmarks import daily as experiment
from benchmarks import peer
from benchmarks.bench import Bench
from benchmarks.platform import LABEL, running_platform
from benchmarks.result import BARE, BARE_SAME_FLAGS, BY_HAND, RECOMMENDED, SAME_FLAGS
from benchmarks.sites import Repositories
from benchmarks.sizes import POSTGRESQL_15, Database, Files, Size

pytestmark = pytest.mark.end_to_end

_TINY = Size(
    name="small",
    databases=(
        Database("db_data_17", "db", "alt_db_user", "alt", 0.5),
        Database(
            *("kratos_db_data", "kratos-db", "kratos_user", "kratos", 0.2),
            image=POSTGRESQL_15,
            recommended="1",
        ),
    ),
    files=(Files("oauth_token_data", "auth-token-manager", 0.1, "random"),),
    many=(1,),
)


def test_everybody_does_the_whole_work(
    tmp_path: Path, restic_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round ends with all backups and verifications seen to be good, and nothing is left."""
    monkeypatch.setattr(peer, "missing", lambda: "not in this test")
    with running_platform(_TINY, tmp_path / "platform", print) as platform:
        repositories = Repositories.prepare(tmp_path / "template", restic_binary)
        bench = Bench(platform, repositories, tmp_path, rounds=1, say=print)
        runs = list(experiment.daily(bench))
        name = platform.name
    assert [run.contender for run in runs if run.experiment == "backup"] == [
        *(BY_HAND, SAME_FLAGS, RECOMMENDED, BARE, BARE_SAME_FLAGS)
    ]
    assert [run.contender for run in runs if run.experiment == "verification"] == [
        *(BY_HAND, RECOMMENDED, BARE)
    ]
    assert all(run.sample.grown_bytes for run in runs if run.experiment == "backup")
    assert all(run.sample.container_cpu_seconds > 0 for run in runs)
    engine = docker.from_env()
    left = engine.containers.list(all=True, filters={"label": f"{LABEL}={name}"})
    engine.close()
    assert left == []
    assert not (tmp_path / "place").exists()
