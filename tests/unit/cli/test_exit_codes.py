"""What every call has in common: exit codes, and one JSON object whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alt_backup_assets.errors import LedgerError, ToolMissing
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine

VERBS = (
    ("status",),
    ("backup",),
    ("backup", "--dry-run"),
    ("snapshots",),
    ("offsite",),
    ("offsite", "--dry-run"),
    ("retention",),
    ("retention", "--dry-run"),
    ("check",),
    ("drill",),
    ("drill", "--dry-run"),
    ("metrics",),
    ("alerts",),
)
CONFIG_VERBS = (("config", "validate"), ("config", "show"))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_crash_is_2_and_never_a_mere_warning(
    machine: Machine, call: Call, verb: tuple[str, ...]
) -> None:
    """An exception nobody expected ends with 2, one line on stderr, and a hint."""
    machine.broken = RuntimeError("the world ended")
    ran = call(*verb)
    assert ran.code == 2
    assert "RuntimeError: the world ended" in ran.err
    assert "--debug" in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_crash_is_one_json_object(machine: Machine, call: Call, verb: tuple[str, ...]) -> None:
    """With --json a crash prints a verdict and its reason, and nothing else, on stdout."""
    machine.broken = RuntimeError("the world ended")
    ran = call(*verb, "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == ("CRITICAL" if verb == ("status",) else "FAILED")
    assert any("the world ended" in reason for reason in ran.json["reasons"])


def test_debug_shows_the_traceback_before_and_behind_the_verb(machine: Machine, call: Call) -> None:
    """--debug shows where a crash happened, wherever it stands."""
    machine.broken = RuntimeError("the world ended")
    for arguments in (("--debug", "check"), ("check", "--debug")):
        assert "Traceback" in call(*arguments).err


def test_an_error_of_ours_is_2_with_its_own_words(machine: Machine, call: Call) -> None:
    """An expected failure is 2, and is not called a defect."""
    machine.broken = LedgerError("line 3 is damaged")
    ran = call("check")
    assert ran.code == 2
    assert ran.err.strip() == "alt-backup: line 3 is damaged"


@pytest.mark.parametrize("verb", [*VERBS, *CONFIG_VERBS], ids=" ".join)
def test_a_missing_configuration_is_64(call: Call, verb: tuple[str, ...]) -> None:
    """A configuration that is not there is wrong configuration, in JSON too."""
    assert call(*verb, "--config", "/nonexistent.yaml").code == 64
    ran = call(*verb, "--config", "/nonexistent.yaml", "--json")
    assert ran.code == 64
    assert ran.json["verdict"] in {"FAILED", "CRITICAL"}
    assert "/nonexistent.yaml" in ran.json["reasons"][0]


@pytest.mark.parametrize("verb", [*VERBS, *CONFIG_VERBS], ids=" ".join)
def test_no_configuration_at_all_names_both_ways_to_give_one(
    call: Call, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With neither --config nor the variable the message names them."""
    monkeypatch.delenv("ALT_BACKUP_CONFIG")
    ran = call(*verb)
    assert ran.code == 64
    assert "--config FILE" in ran.err
    assert "ALT_BACKUP_CONFIG" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing command"),
        (("config",), "Missing command"),
        (("backups",), "No such command"),
        (("backup", "--profil", "db"), "--profile"),
        (("backup", "--profile", "dbs"), "'db', 'essential', 'all'"),
        (("backup", "--include"), "requires an argument"),
        (("backup", "--include", "token"), "did you mean `tokens`?"),
        (("backup", "--exclude", "log"), "did you mean `logs`?"),
        (("backup", "--include", "models"), "excludes it"),
        (("backup", "--exclude", "tokens", "--exclude", "logs"), "no volume"),
        (("drill", "Tokens"), "did you mean `tokens`?"),
        (("drill", "models"), "excludes it"),
        (("drill", "--from", "mars"), "'local', 'offsite'"),
        (("drill", "--snapshot", "abc"), "VOLUME"),
        (("drill", "tokens", "logs", "--snapshot", "abc"), "VOLUME"),
        (("snapshots", "log"), "did you mean `logs`?"),
        (("check", "--read-data-subset", "8/7"), "n/t"),
        (("check", "--read-data-subset", "0/7"), "n/t"),
        (("check", "--read-data-subset", "20%"), "n/t"),
        (("status", "tokens"), "unexpected extra argument"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_64(
    backed_up: Machine, call: Call, arguments: tuple[str, ...], says: str
) -> None:
    """A wrong word is refused with 64 before anything is done, and the near miss is named."""
    before = list(backed_up.local.calls)
    ran = call(*arguments)
    assert ran.code == 64
    assert says in ran.err
    assert ran.out == ""
    assert set(backed_up.local.calls[len(before) :]) <= {"require_version", "snapshots"}


def test_wrong_usage_is_answered_in_json_too(call: Call) -> None:
    """A script that asked for JSON gets an object even where its call was wrong."""
    ran = call("backup", "--jsn", "--json")
    assert ran.code == 64
    assert ran.json["verdict"] == "FAILED"


@pytest.mark.parametrize("verb", [("--help",), ("backup", "--help"), ("config", "show", "-h")])
def test_help_is_0(call: Call, verb: tuple[str, ...]) -> None:
    """Asking for help is no mistake."""
    ran = call(*verb)
    assert ran.code == 0
    assert "Usage:" in ran.out


def test_the_option_behind_the_verb_wins(machine: Machine, call: Call) -> None:
    """--config is understood before the verb and behind it; the later one counts."""
    given = str(machine.configuration)
    assert call("--config", given, "config", "validate").code == 0
    assert call("--config", "/nonexistent", "config", "validate", "--config", given).code == 0
    assert call("--config", given, "config", "validate", "--config", "/nonexistent").code == 64


@pytest.mark.parametrize("verb", ["backup", "offsite", "retention", "check", "drill"])
def test_a_restic_that_is_too_old_is_2_and_nothing_is_done(
    backed_up: Machine, call: Call, verb: str
) -> None:
    """A restic that is missing or too old is told, and no repository is touched."""
    before = len(backed_up.local.calls)
    for restic in (backed_up.local, backed_up.offsite):
        restic.faults["require_version"] = Fault(ToolMissing("restic 0.14 is too old"))
    ran = call(verb, "--json")
    assert ran.code == 2
    assert ran.json["verdict"] == "FAILED"
    assert "restic 0.14 is too old" in ran.out
    changing = {"init", "backup", "restore", "copy_from", "forget_and_prune", "prune", "check"}
    assert not changing & {*backed_up.local.calls[before:], *backed_up.offsite.calls}


@pytest.mark.usefixtures("machine")
def test_an_answer_nobody_can_take_is_2() -> None:
    """A full disk behind stdout, or a reader that has gone, is told and never looks good."""
    alone = [sys.executable, "-m", "alt_backup_assets.cli", "config", "show", "--json"]
    root = Path(__file__).parents[3]
    for arguments in ([], ["--config", "/nonexistent.yaml"]):
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run([*alone, *arguments], cwd=root, stdout=full, check=False)
        assert ran.returncode == (64 if arguments else 2)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        said = subprocess.run(
            alone, cwd=root, stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert said.returncode == 2
    assert "Broken pipe" in said.stderr
    assert "Traceback" not in said.stderr


def test_importing_the_command_line_does_not_import_dagster() -> None:
    """A restore on the day of a disaster needs no Dagster, and waits for none."""
    look = (
        "import sys, alt_backup_assets.cli; "
        "sys.exit(any(name.partition('.')[0] == 'dagster' for name in sys.modules))"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", look], cwd=root, check=False).returncode == 0
