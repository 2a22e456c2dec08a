"""What is proposed for volumes nobody planned, and that it loads once it is decided."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from alt_backup_assets.drift.propose import as_yaml, propose
from alt_backup_assets.platforms.live_volumes import Mount, PlatformVolume, PlatformVolumes
from alt_backup_assets.registry.volume import Registry, Volume
from tests.fakes.platform import FakePlatform
from tests.fakes.site import fake_site

REGISTRY = Registry(source="volumes.yaml", volumes=())


def _proposed(directory: Path, *volumes: PlatformVolume) -> str:
    platform = FakePlatform()
    platform.listed = PlatformVolumes(volumes)
    return as_yaml(propose(fake_site(directory, REGISTRY, platform=platform)))


@pytest.mark.parametrize(
    ("image", "engine", "category"),
    [
        ("postgres:17-alpine", "postgresql", "critical"),
        ("registry.example:5000/team/postgresql@sha256:00", "postgresql", "critical"),
        ("valkey/valkey:8", "redis", "data"),
        ("redis", "redis", "data"),
        ("clickhouse/clickhouse-server:24", "clickhouse", "data"),
        ("getmeili/meilisearch:v1.12", "meilisearch", "search"),
        ("prom/prometheus:v3", "prometheus", "metrics"),
        ("grafana/grafana-oss:11", "grafana", "metrics"),
        ("prom/node-exporter", "files", "data"),
        ("alt/postgres-backup-tool:1", "files", "data"),
        ("", "files", "data"),
    ],
)
def test_the_engine_is_guessed_from_the_image(
    tmp_path: Path, image: str, engine: str, category: str
) -> None:
    """Known images have their engine; whatever else is files, and to be decided."""
    text = _proposed(tmp_path, PlatformVolume(name="v", mounted_by=(Mount("s", image),)))
    entry = yaml.safe_load(text)["volumes"]["v"]
    assert (entry["service"], entry["engine"], entry["category"]) == ("s", engine, category)
    assert "right? Or is it to be excluded?" in text


def test_a_database_is_named_as_it_is_declared(tmp_path: Path) -> None:
    """Database and user come from the declaration, and the entry loads as it stands."""
    declared = Mount("db", "pgvector/pgvector:pg17", {"POSTGRES_DB": "alt", "POSTGRES_USER": "u"})
    volume = PlatformVolume(name="db_data", declared_by=(declared,), mounted_by=(Mount("db", "x"),))
    entry = yaml.safe_load(_proposed(tmp_path, volume))["volumes"]["db_data"]
    loaded = Volume.model_validate({"name": "db_data", **entry})
    assert (loaded.engine, loaded.databases, loaded.user) == ("postgresql", ("alt",), "u")


def test_what_nobody_declares_is_left_to_decide(tmp_path: Path) -> None:
    """A database without a declaration is marked, not invented."""
    text = _proposed(tmp_path, PlatformVolume(name="v", mounted_by=(Mount("db", "postgres"),)))
    assert yaml.safe_load(text)["volumes"]["v"]["databases"] == ["FIXME"]
    assert "# FIXME: the databases and the user are not declared; name them" in text


def test_of_several_services_a_human_chooses(tmp_path: Path) -> None:
    """A volume two services mount has an owner only the operator knows."""
    mounts = (Mount("web"), Mount("api"))
    text = _proposed(tmp_path, PlatformVolume(name="v", mounted_by=mounts))
    assert "# api, web mount it: which service owns it?" in text


def test_an_anonymous_volume_is_a_comment(tmp_path: Path) -> None:
    """No entry can name it; it has to be given a name first."""
    text = _proposed(tmp_path, PlatformVolume(name="0" * 64, anonymous=True))
    assert yaml.safe_load(text) is None
    assert f"# {'0' * 64} has no name of its own" in text
