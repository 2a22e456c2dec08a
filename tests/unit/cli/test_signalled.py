"""What the command line tells the world: pings and messages, at a real receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import dagster as dg
import pytest
import stamina

from alt_backup_assets.definitions import checks, keys
from alt_backup_assets.definitions.conditions import key_of
from alt_backup_assets.definitions.keys import Names
from alt_backup_assets.errors import RepositoryMissing
from tests.fakes.receiver import Receiver, receiving
from tests.fakes.restic import Fault
from tests.unit.cli.conftest import Call, Machine


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with stamina.set_testing(testing=True, attempts=2):
        yield


@pytest.fixture
def receiver(machine: Machine) -> Iterator[Receiver]:
    """Return what takes the pings and messages of the machine."""
    with receiving() as made:
        jobs = ("daily", "offsite", "verify")
        addresses = {job: f"{made.url}/{job}" for job in jobs}
        addresses["messages"] = made.url.replace("http://", "json://") + "/told"
        for name, address in addresses.items():
            (machine.directory / name).write_text(address)
            (machine.directory / name).chmod(0o600)
        pings = ", ".join(f"{job}: {job}" for job in jobs)
        text = machine.configuration.read_text()
        signals = f"signals: {{messages: messages, pings: {{{pings}}}}}\n"
        machine.configuration.write_text(text + signals)
        yield made


def pings(receiver: Receiver) -> list[str]:
    """Return the paths of the pings that came."""
    return [path for path in receiver.paths if path != "/told"]


def told(receiver: Receiver) -> list[str]:
    """Return the titles of the messages that came."""
    return [json.loads(c.body)["title"] for c in receiver.calls if c.path == "/told"]


@pytest.mark.parametrize(
    ("verb", "job"), [("backup", "daily"), ("offsite", "offsite"), ("drill", "verify")]
)
def test_a_call_that_is_good_pings_and_tells_nobody(
    backed_up: Machine, receiver: Receiver, call: Call, verb: str, job: str
) -> None:
    """Start and success with one run id, the log along, and no message."""
    assert call(verb).code == 0
    assert receiver.paths == [f"/{job}/start", f"/{job}"]
    start, success = receiver.calls
    assert start.question == success.question
    assert UUID(start.question["rid"][0]).version == 4


def test_a_volume_that_fails_is_a_failure_and_a_message(
    machine: Machine, receiver: Receiver, call: Call
) -> None:
    """Each failed call is told, with the error; the next good one is the recovery, once."""
    file = machine.volume("tokens") / "tokens.txt"
    text = file.read_text()
    file.unlink()
    for _ in range(2):
        assert call("backup").code == 2
    assert pings(receiver) == ["/daily/start", "/daily/fail"] * 2
    assert told(receiver) == ["[test] CRITICAL: the backup of tokens"] * 2
    failed = receiver.calls[1]
    assert "tokens: FAILED: " in failed.body
    assert "logs: dumping" in failed.body
    file.write_text(text)
    receiver.calls.clear()
    for _ in range(2):
        assert call("backup").code == 0
    assert pings(receiver) == ["/daily/start", "/daily"] * 2
    assert told(receiver) == ["[test] RECOVERED: the backup of tokens"]


def test_several_failures_of_a_call_are_one_message(
    machine: Machine, receiver: Receiver, call: Call
) -> None:
    """All volumes of a call that failed are in one message."""
    for name in ("tokens", "logs"):
        (machine.volume(name) / f"{name}.txt").unlink()
    assert call("backup").code == 2
    assert told(receiver) == ["[test] CRITICAL: 2 things to know"]


def test_a_part_of_the_volumes_says_nothing_of_the_rest(
    machine: Machine, receiver: Receiver, call: Call
) -> None:
    """A part that is good is logged only; a part that fails is a failure."""
    assert call("backup", "--include", "tokens").code == 0
    assert pings(receiver) == ["/daily/log"]
    (machine.volume("tokens") / "tokens.txt").unlink()
    assert call("backup", "--include", "tokens").code == 2
    assert pings(receiver) == ["/daily/log", "/daily/fail"]


def test_a_crash_is_told(backed_up: Machine, receiver: Receiver, call: Call) -> None:
    """Whatever ends a call before its time is a failure, and a message that names it."""
    backed_up.offsite.faults["copy_from"] = Fault(RepositoryMissing("there is none"))
    assert call("offsite").code == 2
    assert pings(receiver) == ["/offsite/start", "/offsite/fail"]
    assert told(receiver) == ["[test] CRITICAL: alt-backup offsite"]
    assert "there is none" in receiver.calls[-1].body


def test_an_interrupted_call_is_told(
    machine: Machine, receiver: Receiver, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup that systemd ends is a failure, and a person hears of it."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("alt_backup_assets.cli.backup.back_up", interrupted)
    assert call("backup").code == 130
    assert pings(receiver) == ["/daily/start", "/daily/fail"]
    assert told(receiver) == ["[test] CRITICAL: alt-backup backup"]


@pytest.mark.parametrize("answer", [(500, "no"), (-1, "")])
def test_nobody_listening_fails_no_backup(
    machine: Machine, receiver: Receiver, call: Call, answer: tuple[int, str]
) -> None:
    """Pings that do not get through are warnings, and the backup is GOOD."""
    receiver.answer = answer
    ran = call("backup", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    assert ran.err.count("was not told") == 2
    assert receiver.url not in ran.err


def test_a_failed_backup_stays_failed_where_nobody_listens(
    machine: Machine, receiver: Receiver, call: Call
) -> None:
    """Trouble with a message makes nothing green, and is said."""
    receiver.answer = (500, "no")
    (machine.volume("tokens") / "tokens.txt").unlink()
    ran = call("backup")
    assert ran.code == 2
    assert "did not take a message" in ran.err


def test_a_file_of_addresses_that_is_gone_is_a_warning(
    machine: Machine, receiver: Receiver, call: Call
) -> None:
    """Where nobody can be told the backup is good all the same."""
    (machine.directory / "messages").unlink()
    ran = call("backup")
    assert ran.code == 0
    assert "nobody was told: signals.messages" in ran.err


def test_a_failed_drill_is_told_by_the_key_of_dagsters_check(
    backed_up: Machine, receiver: Receiver, call: Call
) -> None:
    """So Dagster's sensor, which sees the check that was reported, does not tell it again."""
    backed_up.rewrite("timezone: UTC", "timezone: UTC\nhost: web-1")
    (snapshot,) = backed_up.local.snapshots(tag="tokens")
    backed_up.local.damage_file(snapshot.id, "files/tokens.txt", b"other\n")
    for _ in range(2):
        assert call("drill").code == 2
    names = Names(backed_up.site(backed_up.configuration))
    check = dg.AssetCheckKey(
        names.key(keys.RESTORE_DRILL, "tokens"), checks.RESTORED_CONTENT_MATCHES
    )
    memory = json.loads((backed_up.state / "signals" / "told.json").read_text())
    (known,) = memory["targets"].values()
    assert set(known) == {key_of(check)}
    assert len(told(receiver)) == 1
    assert pings(receiver) == ["/verify/start", "/verify/fail"] * 2


def test_a_repository_that_is_not_sound_is_a_message(
    backed_up: Machine, receiver: Receiver, call: Call
) -> None:
    """A check of the repository is nobody's dead man's switch; its failure is told all the same."""
    assert call("check").code == 0
    assert receiver.calls == []
    backed_up.local.faults["check"] = Fault(RepositoryMissing("there is none"))
    assert call("check").code == 2
    assert told(receiver) == ["[test] CRITICAL: alt-backup check"]
    del backed_up.local.faults["check"]
    assert call("check").code == 0
    assert told(receiver)[1:] == ["[test] RECOVERED: alt-backup check"]
    assert pings(receiver) == []


def test_a_dry_run_pings_nobody(machine: Machine, receiver: Receiver, call: Call) -> None:
    """What only says what it would do is not the job."""
    assert call("backup", "--dry-run").code == 0
    assert receiver.calls == []
