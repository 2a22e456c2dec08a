"""The page as an asset: made also where something failed, and shown in Dagster."""

from __future__ import annotations

from pathlib import Path

from tests.unit.definitions.bench import Machine, materialised


def test_the_job_of_the_checks_writes_the_page(two: Machine) -> None:
    """Its path, verdict and a table of today are in the metadata."""
    two.run()
    result = two.run("status_checks")
    (event,) = result.asset_materializations_for_node("status__report")
    shown = {name: value.value for name, value in event.metadata.items()}
    assert Path(str(shown["report/path"])).read_text().startswith("<!doctype html>")
    assert shown["status/verdict"] == "GOOD"
    assert "| one | GOOD |" in str(shown["report/summary"])


def test_a_failed_volume_does_not_keep_the_page_from_being_made(two: Machine) -> None:
    """In the run that failed, the page says so."""
    two.lose("one")
    result = two.run()
    assert not result.success
    assert "status/report" in materialised(result)
