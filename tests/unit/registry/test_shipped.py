"""The registries that ship: every row of the platform's table, and nothing else."""

from __future__ import annotations

from datetime import date

import pytest

from alt_backup_assets.registry.load import load_registry

PLANNED = {
    "db_data_17": ("db", "postgresql", 17, ("alt",), "alt_db_user", "critical"),
    "kratos_db_data": ("kratos-db", "postgresql", 16, ("kratos",), "kratos_user", "critical"),
    "recap_db_data": ("recap-db", "postgresql", 18, ("recap",), "recap_user", "critical"),
    "rag_db_data": ("rag-db", "postgresql", None, ("rag_db",), "rag_user", "critical"),
    "pact_db_data": ("pact-db", "postgresql", None, ("pact",), "pact", "critical"),
    "knowledge-sovereign-db-data": (
        "knowledge-sovereign-db",
        "postgresql",
        16,
        ("knowledge_sovereign",),
        "sovereign",
        "critical",
    ),
    "pre_processor_db_data": (
        "pre-processor-db",
        "postgresql",
        17,
        ("pre_processor",),
        "pp_user",
        "critical",
    ),
    "acolyte_db_data": ("acolyte-db", "postgresql", 18, ("acolyte",), "acolyte_user", "critical"),
    "meili_data": ("meilisearch", "meilisearch", None, (), None, "search"),
    "clickhouse_data": ("clickhouse", "clickhouse", None, ("default",), "rask_user", "metrics"),
    "redis-streams-data": ("redis-streams", "redis", None, (), None, "data"),
    "oauth_token_data": ("auth-token-manager", "files", None, (), None, "data"),
    "prometheus_data": ("prometheus", "prometheus", None, (), None, "metrics"),
    "grafana_data": ("grafana", "grafana", None, (), None, "metrics"),
    "rask_log_aggregator_data": ("rask-log-aggregator", "files", None, (), None, "data"),
}


def test_alt_is_the_whole_table() -> None:
    """The platform's volumes, each with its service, engine, databases, user and category."""
    rows = {
        volume.name: (
            volume.service,
            volume.engine,
            volume.major,
            volume.databases,
            volume.user,
            volume.category,
        )
        for volume in load_registry("alt").planned
    }
    assert rows == PLANNED


def test_demo_is_a_part_of_alt() -> None:
    """What the demo shows are entries of the real platform, unchanged."""
    alt, demo = load_registry("alt"), load_registry("demo")
    assert [volume.name for volume in demo.volumes] == [
        "db_data_17",
        "recap_db_data",
        "oauth_token_data",
        "rask_log_aggregator_data",
        "news_creator_models",
    ]
    assert all(volume == alt.volume(volume.name) for volume in demo.volumes)


@pytest.mark.parametrize("name", ["alt", "demo"])
def test_the_models_are_excluded_with_a_reason_and_a_day(name: str) -> None:
    """What can be downloaded again is not backed up, and that is looked at again."""
    models = load_registry(name).volume("news_creator_models")
    assert models.service == "news-creator"
    assert models.excluded is not None
    assert models.excluded.review == date(2027, 5, 31)


def test_dumps_are_kept_a_week_and_recaps_a_day() -> None:
    """The decision record's hot tier."""
    kept = {volume.name: volume.keep_dumps_days for volume in load_registry("alt").volumes}
    assert kept.pop("recap_db_data") == 1
    assert set(kept.values()) == {7}


def test_excludes_stay_with_the_engines_they_were_meant_for() -> None:
    """No dump and no log of a service that has nothing else is ever excluded."""
    excludes = {v.name: v.exclude for v in load_registry("alt").volumes if v.exclude}
    assert excludes == {
        "meili_data": ("*.tmp", "*.log"),
        "clickhouse_data": ("*.tmp", "*.log", "**/tmp_merge_*", "**/tmp_insert_*"),
        "prometheus_data": ("*.tmp", "*.log"),
    }
