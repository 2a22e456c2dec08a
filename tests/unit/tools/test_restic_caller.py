"""What holds for every call of restic: exit codes, time limits, secrets, files and locks."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.config import Repository, Retention
from alt_backup_assets.errors import (
    ConfigurationError,
    RepositoryError,
    RepositoryLocked,
    SnapshotIncomplete,
    ToolTimeout,
    WrongPassword,
)
from alt_backup_assets.tools.process import Completed
from alt_backup_assets.tools.restic import Restic
from alt_backup_assets.tools.restic.caller import LOCK_WAIT_SECONDS
from tests.fakes.restic_script import (
    LOCK,
    LOCKED,
    NOON,
    OK,
    PASSWORD,
    VERSION,
    A,
    Client,
    Script,
    listing,
    lock,
    summary,
)

VERBS: dict[str, Callable[[Restic], object]] = {
    "backup": lambda r: r.backup(Path("/v"), host="alt", tags=["t"], taken_at=NOON),
    "check": lambda r: r.check(),
    "forget": lambda r: r.forget([A]),
    "forget_and_prune": lambda r: r.forget_and_prune([A]),
    "init": lambda r: r.init(),
    "open": lambda r: r.open(),
    "plan_retention": lambda r: r.plan_retention(Retention(), host="alt"),
    "prune": lambda r: r.prune(),
    "remove_orphaned_locks": lambda r: r.remove_orphaned_locks(),
    "restore": lambda r: r.restore(A, Path("/scratch")),
    "snapshots": lambda r: r.snapshots(),
}
"""Every verb that runs restic, in a call that would do something."""

WAITS = "--retry-lock"


# What holds for every verb


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [(1, RepositoryError), (3, SnapshotIncomplete), (12, WrongPassword), (130, RepositoryError),
     (77, RepositoryError), (-9, RepositoryError)],
)  # fmt: skip
def test_no_verb_survives_an_exit_code(
    client: Client, verb: str, code: int, kind: type[RepositoryError]
) -> None:
    """Whatever restic ends with but 0 is raised, by every verb."""
    with pytest.raises(kind):
        VERBS[verb](client(Script(Completed(code, b"", "broken"))))


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"open", "init"}))
def test_no_verb_survives_a_time_out(client: Client, verb: str) -> None:
    """A restic that did not end has not done its work."""
    with pytest.raises(ToolTimeout):
        VERBS[verb](client(Script(ToolTimeout("too late"))))


# A prune has no answer that is read: the next check tells what it left.
UNREAD = {"open", "init", "prune", "remove_orphaned_locks"}


@pytest.mark.parametrize("verb", sorted(set(VERBS) - UNREAD))
@pytest.mark.parametrize("output", [b"", b"[{", b'{"message_type":"summ'])
def test_no_verb_believes_an_answer_that_is_cut(client: Client, verb: str, output: bytes) -> None:
    """Exit code 0 with an empty or truncated answer is a failure."""
    answers = [Completed(0, output, ""), VERSION if verb == "check" else listing(A)]
    with pytest.raises(RepositoryError):
        VERBS[verb](client(Script(*answers)))


@pytest.mark.parametrize("verb", VERBS)
def test_the_password_goes_nowhere(client: Client, place: Repository, verb: str) -> None:
    """Neither arguments, nor environment, nor the error know it; only its file is named."""
    script = Script(Completed(1, b"", "broken"))
    with pytest.raises(RepositoryError) as caught:
        VERBS[verb](client(script))
    ((argv, env, _),) = script.calls
    assert PASSWORD not in " ".join([*argv, *env.values(), str(caught.value)])
    assert str(place.password_file) in argv
    assert env["TZ"] == "UTC"
    assert not any(name.startswith("RESTIC_") for name in env)


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_password_file_restic_is_not_started(
    client: Client, place: Repository, verb: str
) -> None:
    """The mistake is named before anything runs."""
    place.password_file.unlink()
    script = Script()
    with pytest.raises(ConfigurationError, match="`password_file`"):
        VERBS[verb](client(script))
    assert script.calls == []


def test_environment_files_reach_restic_alone(client: Client, place: Repository) -> None:
    """A cloud back end's key is in the child's environment, and in no argument."""
    key = place.password_file.with_name("key")
    key.write_text("cloud secret\n")
    script = Script(listing())
    restic = Restic(
        place.model_copy(update={"environment_files": {"AWS_SECRET_ACCESS_KEY": key}}),
        binary=Path("restic"), cache_dir=Path("/cache"), run=script,
    )  # fmt: skip
    restic.snapshots()
    ((argv, env, _),) = script.calls
    assert env["AWS_SECRET_ACCESS_KEY"] == "cloud secret"
    assert "cloud secret" not in " ".join(argv)


# Locks


def _one_lock(hostname: str = socket.gethostname(), pid: int = 2**22 + 1) -> list[Completed]:
    return [Completed(0, f"{LOCK}\n".encode(), ""), lock(hostname, pid)]


def test_an_orphans_lock_is_removed_and_the_call_made_again(client: Client) -> None:
    """Locked, looked at, unlocked, looked at again, then done."""
    script = Script(LOCKED, *_one_lock(), OK, OK, summary(num_errors=0))
    client(script).check()
    assert script.verbs == ["check", "list", "cat", "unlock", "list", "check"]
    assert WAITS not in script.calls[0][0]
    assert "--remove-all" not in script.calls[3][0]
    assert WAITS in script.calls[5][0]


@pytest.mark.parametrize("holder", [("there", 1), (socket.gethostname(), 1)])
def test_a_living_holders_lock_is_waited_for(client: Client, holder: tuple[str, int]) -> None:
    """Nothing is unlocked; further calls wait, and if the last one fails too, it says who it is."""
    looks = LOCK_WAIT_SECONDS // 30
    script = Script(LOCKED, *[*_one_lock(*holder), LOCKED] * looks)
    with pytest.raises(RepositoryLocked, match="PID 99 on there"):
        client(script).check()
    assert script.verbs == ["check", *["list", "cat", "check"] * looks]
    waits = [argv[argv.index(WAITS) + 1] for argv, *_ in script.calls if WAITS in argv]
    assert waits == ["30s"] * looks
    later = Script(LOCKED, *_one_lock(*holder), summary(num_errors=0))
    client(later).check()
    assert later.verbs == ["check", "list", "cat", "check"]


def test_an_orphans_lock_beside_a_living_ones_is_removed_once_that_is_gone(client: Client) -> None:
    """A drill reads while the lock of a killed backup lies there: the wait is not in vain."""
    here = socket.gethostname()
    two = Completed(0, f"{LOCK}\n{'3' * 64}\n".encode(), "")
    both = [two, lock(here, 2**22 + 1), lock(here, 1)]
    script = Script(LOCKED, *both, LOCKED, *_one_lock(), OK, OK, summary(num_errors=0))
    client(script).check()
    looked = ["list", "cat", "cat", "check", "list", "cat", "unlock", "list"]
    assert script.verbs == ["check", *looked, "check"]


@pytest.mark.parametrize(
    ("seconds", "waits"), [(0, ["0s"]), (1, ["1s"]), (70, ["30s", "30s", "10s"])]
)
def test_the_waits_are_as_long_as_the_wait(
    place: Repository, seconds: int, waits: list[str]
) -> None:
    """However it is cut, and once at least."""
    script = Script(LOCKED, *[OK, OK, LOCKED] * len(waits))
    restic = Restic(
        place,
        binary=Path("restic"),
        cache_dir=Path("/cache"),
        lock_wait_seconds=seconds,
        run=script,
    )
    with pytest.raises(RepositoryLocked):
        restic.prune()
    told = [argv[argv.index(WAITS) + 1] for argv, *_ in script.calls if WAITS in argv]
    assert told == waits


def test_one_living_holder_keeps_all_locks(client: Client) -> None:
    """Every lock has to be orphaned, or none is removed."""
    dead, alive = "2" * 64, "3" * 64
    here = socket.gethostname()
    script = Script(
        Completed(0, f"{dead}\n{alive}\n".encode(), ""), lock(here, 2**22 + 1), lock(here, 1)
    )
    with pytest.raises(RepositoryLocked, match=f"process 1 of root on {here} since"):
        client(script).remove_orphaned_locks()
    assert "unlock" not in script.verbs


def test_a_gone_containers_lock_is_orphaned(client: Client) -> None:
    """Where the caller knows that the container of that name no longer exists."""
    script = Script(*_one_lock("deadbeef1234"), OK, OK)
    assert client(script, gone="deadbeef1234").remove_orphaned_locks() == (LOCK,)


def test_restics_own_unlock_may_leave_the_lock_of_a_gone_container(
    client: Client, place: Repository
) -> None:
    """It does until the lock is half an hour old; in a directory exactly that file is removed."""
    locks = Path(place.url) / "locks"
    locks.mkdir(parents=True)
    (locks / LOCK).touch()
    (locks / ("4" * 64)).touch()  # taken after we had looked
    script = Script(*_one_lock("deadbeef1234"), OK, OK)
    client(script, gone="deadbeef1234").remove_orphaned_locks()
    assert [left.name for left in locks.iterdir()] == ["4" * 64]


def test_a_lock_that_stays_is_not_called_removed(client: Client) -> None:
    """Restic has the last word on its locks."""
    with pytest.raises(RepositoryLocked):
        client(Script(*_one_lock(), OK, *_one_lock())).remove_orphaned_locks()


def test_no_locks_need_no_unlock(client: Client) -> None:
    """Nothing to remove, nothing removed."""
    script = Script(OK, OK)
    assert client(script).remove_orphaned_locks() == ()
    assert "unlock" not in script.verbs


def test_a_lock_that_went_away_meanwhile_is_not_an_error(client: Client) -> None:
    """The call is simply made again."""
    gone = Completed(1, b"", "Load(<lock/1111111111>) returned error: no such file")
    script = Script(LOCKED, _one_lock()[0], gone, summary(num_errors=0))
    client(script).check()
    assert script.verbs == ["check", "list", "cat", "check"]


def test_a_copy_looks_at_the_locks_of_both_sides(client: Client) -> None:
    """Either may be the locked one."""
    target = Script(LOCKED, OK, OK, OK)
    source = Script(OK, OK)
    client(target, url="rest:http://h/").copy_from(client(source), [A])
    assert target.verbs == ["copy", "list", "list", "copy"]
    assert source.verbs == ["list", "list"]
