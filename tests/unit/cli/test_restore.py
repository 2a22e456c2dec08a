"""``alt-backup restore``: RESTORED and 0, or FAILED and 2; wrong usage is 64."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Call, Machine

FIELDS = {
    *("name", "snapshot", "source", "taken_at", "target"),
    *("verdict", "differences", "steps", "duration_seconds"),
}
STOPPED = "  services: {auth: {running: [/bin/false]}, logger: {running: [/bin/false]}}\n"


@pytest.fixture(name="lost")
def _lost(backed_up: Machine) -> Machine:
    """Return a machine whose services are stopped and whose volumes lost their data."""
    backed_up.rewrite("registry: ", STOPPED + "registry: ")
    for name in ("tokens", "logs"):
        (backed_up.volume(name) / f"{name}.txt").write_text("lost\n")
    return backed_up


def text(machine: Machine, name: str = "tokens") -> str:
    """Return what is in a volume."""
    return (machine.volume(name) / f"{name}.txt").read_text()


def test_all_volumes_are_restored_and_0(lost: Machine, call: Call) -> None:
    """In the order of the registry, each with its snapshot and the steps that were taken."""
    ran = call("restore", "--all", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "RESTORED"
    assert ran.json["dry_run"] is False
    assert [volume["name"] for volume in ran.json["volumes"]] == ["tokens", "logs"]
    for volume in ran.json["volumes"]:
        assert set(volume) == FIELDS
        assert volume["verdict"] == "RESTORED"
        assert volume["differences"] == []
        assert len(volume["steps"]) == 3
        assert volume["target"] == str(lost.volume(volume["name"]))
        assert volume["duration_seconds"] >= 0
        assert text(lost, volume["name"]) == f"of {volume['name']}\n"
    assert "tokens: fetch snapshot" in ran.err


def test_the_repository_is_listed_once_for_all(lost: Machine, call: Call) -> None:
    """At night, in a hurry, nobody waits for a listing per volume."""
    lost.local.calls.clear()
    assert call("restore", "--all").code == 0
    assert lost.local.calls.count("restore") > 1
    assert lost.local.calls.count("snapshots") == 1


def test_the_table_shows_the_steps(lost: Machine, call: Call) -> None:
    """People see verdict, target and what was done; the other volume is left alone."""
    ran = call("restore", "tokens")
    assert ran.code == 0
    assert "tokens: put the restored tree in the place of" in ran.out
    assert ran.out.splitlines()[-1] == "RESTORED"
    assert text(lost, "logs") == "lost\n"


def test_a_dry_run_touches_nothing(lost: Machine, call: Call) -> None:
    """It tells the same steps as PLANNED, and restores nothing."""
    ran = call("restore", "tokens", "--dry-run", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "PLANNED"
    assert ran.json["dry_run"] is True
    assert ran.json["volumes"][0]["steps"][0].startswith("fetch snapshot")
    assert "restore" not in lost.local.calls
    assert text(lost) == "lost\n"


def test_a_dry_run_shows_red_what_is_refused(backed_up: Machine, call: Call) -> None:
    """A service of which nobody can tell whether it runs is a refusal there too."""
    ran = call("restore", "tokens", "--dry-run", "--json")
    assert ran.code == 2
    assert "nothing here tells" in ran.json["volumes"][0]["differences"][0]
    assert "restore" not in backed_up.local.calls


def test_one_refusal_refuses_all_and_2(lost: Machine, call: Call) -> None:
    """Pre-flight looks at all volumes first; the good one is said not to have been touched."""
    lost.rewrite("auth: {running: [/bin/false]}", "auth: {running: [/bin/true]}")
    ran = call("restore", "--all", "--json")
    assert ran.code == 2
    tokens, logs = ran.json["volumes"]
    assert "service auth runs" in tokens["differences"][0]
    assert "refused another volume" in logs["differences"][0]
    assert text(lost, "logs") == "lost\n"


def test_force_stops_and_starts(lost: Machine, call: Call, tmp_path: Path) -> None:
    """The service's own commands are run, in order."""
    log = tmp_path / "log"
    for word in ("stop", "start"):
        script = tmp_path / word
        script.write_text(f"#!/bin/sh\necho {word} >> {log}\n")
        script.chmod(0o755)
    commands = f"running: [/bin/true], stop: [{tmp_path}/stop], start: [{tmp_path}/start]"
    lost.rewrite("auth: {running: [/bin/false]}", f"auth: {{{commands}}}")
    ran = call("restore", "tokens", "--force", "--json")
    assert ran.code == 0
    assert log.read_text() == "stop\nstart\n"
    assert text(lost) == "of tokens\n"


def test_a_damaged_snapshot_is_failed_and_2(lost: Machine, call: Call) -> None:
    """Nothing is replaced, the reason is told, and the other volume is back."""
    newest = lost.local.snapshots(tag="tokens")[-1].id
    lost.local.damage_file(newest, "files/tokens.txt", b"of tokenz\n")
    ran = call("restore", "--all", "--json")
    assert ran.code == 2
    tokens, logs = ran.json["volumes"]
    assert "tokens.txt" in tokens["differences"][0]
    assert logs["verdict"] == "RESTORED"
    assert text(lost) == "lost\n"


def test_as_of_without_a_time_zone_is_the_configurations(lost: Machine, call: Call) -> None:
    """The snapshot of just now is there in an hour of UTC, and was not an hour ago."""
    now = datetime.now(UTC).replace(tzinfo=None)
    later, earlier = (now + timedelta(hours=1)), (now - timedelta(hours=1))
    assert call("restore", "tokens", "--as-of", later.isoformat(), "--dry-run").code == 0
    ran = call("restore", "tokens", "--as-of", earlier.isoformat(), "--json")
    assert ran.code == 2
    assert "+00:00" in ran.json["volumes"][0]["differences"][0]
    assert text(lost) == "lost\n"


def test_to_a_directory_from_offsite(lost: Machine, call: Call, tmp_path: Path) -> None:
    """Offsite is a source of its own, and --to leaves the volume alone."""
    assert call("offsite").code == 0
    ran = call("restore", "tokens", "--from", "offsite", "--to", str(tmp_path / "out"), "--json")
    assert ran.code == 0
    assert ran.json["volumes"][0]["source"] == "offsite"
    assert (tmp_path / "out" / "tokens.txt").read_text() == "of tokens\n"
    assert text(lost) == "lost\n"


def test_no_offsite_is_failed(lost: Machine, call: Call) -> None:
    """Without an offsite repository the message names the setting."""
    lost.rewrite("  offsite: {url: offsite, password_file: password, medium: tape}\n", "")
    ran = call("restore", "tokens", "--from", "offsite", "--json")
    assert ran.code == 2
    assert "repositories.offsite" in ran.json["volumes"][0]["differences"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say --all"),
        (("tokens", "--all"), "say --all"),
        (("tokenz",), "did you mean `tokens`"),
        (("models",), "excludes it"),
        (("tokens", "logs", "--snapshot", "aa"), "need the name of one VOLUME"),
        (("--all", "--into", "aside"), "need the name of one VOLUME"),
        (("tokens", "--snapshot", "aa", "--as-of", "2026-11-23"), "exclude each other"),
        (("tokens", "--to", "out", "--into", "aside"), "exclude each other"),
        (("tokens", "--as-of", "yesterday"), "yesterday is no time such as"),
    ],
)
def test_wrong_usage_is_64(
    lost: Machine, call: Call, arguments: tuple[str, ...], said: str
) -> None:
    """What cannot be meant touches nothing, and the message says why."""
    ran = call("restore", *arguments)
    assert ran.code == 64
    assert said in ran.err
    assert text(lost) == "lost\n"
