"""``alt-backup report``: the exit code tells whether the page was written."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Call, Machine


def test_a_page_is_written_whatever_it_says(machine: Machine, call: Call, tmp_path: Path) -> None:
    """Without any backup the page says CRITICAL, and was written."""
    path = tmp_path / "page.html"
    ran = call("report", "--output", str(path), "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    assert ran.json["page_verdict"] == "CRITICAL"
    assert ran.json["path"] == str(path)
    assert "CRITICAL" in path.read_text()
    assert f"{path} says CRITICAL" in call("report", "--output", str(path)).out


def test_a_page_that_was_not_written_is_2(machine: Machine, call: Call, tmp_path: Path) -> None:
    """With the reason."""
    ran = call("report", "--output", str(tmp_path / "nowhere" / "page.html"), "--json")
    assert ran.code == 2
    assert "nowhere" in ran.json["reasons"][0]


def test_days_have_a_limit(machine: Machine, call: Call) -> None:
    """None at all is wrong usage."""
    assert call("report", "--days", "0").code == 64
