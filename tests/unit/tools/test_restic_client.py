"""Single verbs of the client on a scripted restic: what it believes, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from alt_backup_assets.config import Repository, Retention
from alt_backup_assets.errors import (
    NoSnapshot,
    RepositoryError,
    RepositoryMissing,
    RepositoryUnreachable,
    RetentionUnsafe,
    SnapshotIncomplete,
    ToolMissing,
    ToolTimeout,
    WrongPassword,
)
from alt_backup_assets.tools.process import Completed
from alt_backup_assets.tools.restic import Restic, Snapshot
from tests.fakes.restic_script import (
    NOON,
    OK,
    VERSION,
    A,
    B,
    C,
    Client,
    Script,
    listing,
    summary,
)


def _backup(restic: Restic) -> Snapshot:
    return restic.backup(Path("/v"), host="alt", tags=["t"], taken_at=NOON)


# Version


@pytest.mark.parametrize("version", ["0.17.1", "0.18.0", "0.18.0-dev (compiled manually)", "1.0.0"])
def test_a_new_enough_restic_is_accepted(client: Client, version: str) -> None:
    """0.17.1 is the oldest; suffixes do not matter."""
    answer = Completed(0, json.dumps({"version": version}).encode(), "")
    assert client(Script(answer)).require_version() == version


@pytest.mark.parametrize(
    "stdout", [b'{"version":"0.17.0"}', b'{"version":"0.9.6"}', b'{"version":"new"}', b"",
               b"restic 0.14.0 compiled with go1.19.8 on linux/amd64"],
)  # fmt: skip
def test_an_older_restic_is_refused_with_a_remedy(client: Client, stdout: bytes) -> None:
    """So is one that does not say what it is, in JSON."""
    with pytest.raises(ToolMissing, match=r"0\.17\.1 is needed.*Install a newer one"):
        client(Script(Completed(0, stdout, ""))).require_version()


def test_a_restic_that_does_not_run_is_missing(client: Client) -> None:
    """A binary of another machine, say."""
    with pytest.raises(ToolMissing, match="exited with 126"):
        client(Script(Completed(126, b"", "exec format error"))).require_version()


# Open and init


def test_opening_takes_no_lock_and_little_time(client: Client) -> None:
    """A running prune does not make a repository look broken; a dead server is given up."""
    script = Script(OK)
    client(script).open()
    ((argv, _, timeout_seconds),) = script.calls
    assert "--no-lock" in argv
    assert timeout_seconds < 120
    with pytest.raises(RepositoryUnreachable, match="did not open"):
        client(Script(ToolTimeout("too late"))).open()


def test_a_listing_elsewhere_is_given_up_with_the_host(client: Client) -> None:
    """Opened first, for restic would try a host that is gone for a quarter of an hour."""
    script = Script(ToolTimeout("too late"))
    with pytest.raises(RepositoryUnreachable, match="did not open"):
        client(script, url="rest:http://gone:8000/").snapshots()
    assert script.verbs == ["cat"]
    here = Script(listing(A))
    assert len(client(here).snapshots()) == 1
    assert here.verbs == ["snapshots"]


def test_a_missing_repository_is_made_and_opened(client: Client) -> None:
    """Looked at twice, made under a lock, and opened in the end."""
    missing = Completed(10, b"", "no repository")
    script = Script(missing, missing, OK, OK)
    assert client(script).init() is True
    assert script.verbs == ["cat", "cat", "init", "cat"]


def test_a_repository_made_meanwhile_is_not_made_again(client: Client) -> None:
    """Whoever waited for the lock finds it and is content."""
    script = Script(Completed(10, b"", "no repository"), OK)
    assert client(script).init() is False
    assert script.verbs == ["cat", "cat"]


@pytest.mark.parametrize("code", [1, 11, 12, 77])
def test_a_repository_that_does_not_open_is_never_made_over(client: Client, code: int) -> None:
    """Only exit code 10 means that there is none."""
    script = Script(Completed(code, b"", "broken"))
    with pytest.raises(RepositoryError):
        client(script).init()
    assert script.verbs == ["cat"]


# Backup


def _stored(repository: Path, content: bytes = b"sealed") -> str:
    snapshot_id = hashlib.sha256(content).hexdigest()
    (repository / "snapshots").mkdir(parents=True)
    (repository / "snapshots" / snapshot_id).write_bytes(content)
    return snapshot_id


def test_a_backup_is_confirmed_by_what_the_repository_holds(client: Client, tmp_path: Path) -> None:
    """Its name is the hash of its content; no second call is made."""
    stored = _stored(tmp_path)
    script = Script(summary(snapshot_id=stored, total_bytes_processed=7))
    taken = _backup(client(script, url=str(tmp_path)))
    assert (taken.id, taken.host, taken.paths, taken.tags) == (stored, "alt", ("/v",), ("t",))
    assert (taken.time, taken.total_bytes) == (NOON, 7)
    assert script.verbs == ["backup"]


def test_a_snapshot_that_is_not_there_is_none(client: Client, tmp_path: Path) -> None:
    """Restic said that it saved it, and ended with 0."""
    _stored(tmp_path)
    with pytest.raises(RepositoryError, match=f"does not hold the snapshot {A}: .*No such file"):
        _backup(client(Script(summary(snapshot_id=A)), url=str(tmp_path)))


@pytest.mark.parametrize("content", [b"", b"seale", b"Sealed"])
def test_a_snapshot_that_is_not_whole_is_none(
    client: Client, tmp_path: Path, content: bytes
) -> None:
    """It is there, and not what restic wrote."""
    stored = _stored(tmp_path)
    (tmp_path / "snapshots" / stored).write_bytes(content)
    with pytest.raises(RepositoryError, match=f"does not hold the snapshot {stored}$"):
        _backup(client(Script(summary(snapshot_id=stored)), url=str(tmp_path)))


def test_a_backup_elsewhere_is_confirmed_by_listing(client: Client) -> None:
    """There restic alone can look."""
    script = Script(summary(snapshot_id=A), listing(A))
    assert _backup(client(script, url="rest:http://there:8000/")).id == A
    assert script.verbs == ["backup", "snapshots"]
    assert script.calls[1][0][-1] == A


@pytest.mark.parametrize("listed", [listing(), listing(B)])
def test_a_backup_elsewhere_that_is_not_listed_failed(client: Client, listed: Completed) -> None:
    """An id that does not come back is no snapshot."""
    script = Script(summary(snapshot_id=A), listed)
    with pytest.raises(RepositoryError, match=f"does not hold the snapshot {A}"):
        _backup(client(script, url="rest:http://there:8000/"))


@pytest.mark.parametrize("said", ["latest", "../config", "", A[:8]])
def test_an_id_that_is_none_is_not_believed(client: Client, said: str) -> None:
    """Nothing is looked up by it."""
    with pytest.raises(RepositoryError, match="backup"):
        _backup(client(Script(summary(snapshot_id=said))))


def test_an_incomplete_backup_names_what_was_kept(client: Client) -> None:
    """Exit code 3 is a failure although there is a snapshot."""
    with pytest.raises(SnapshotIncomplete, match=A):
        _backup(client(Script(Completed(3, summary(snapshot_id=A).stdout, "torn"))))


# Retention


@pytest.mark.parametrize("verb", ["forget", "forget_and_prune"])
def test_forgetting_is_judged_by_the_listing(client: Client, verb: str) -> None:
    """Before, after, and exactly the planned ids in between."""
    prune = ("--prune",) if verb == "forget_and_prune" else ()
    script = Script(listing(A, B), OK, listing(B, C))
    getattr(client(script), verb)([A])
    assert script.verbs == ["snapshots", "forget", "snapshots"]
    assert script.calls[1][0][-2 - len(prune) :] == ("forget", *prune, A)


@pytest.mark.parametrize(
    ("after", "words"), [(listing(A, B), "still there"), (listing(), "to be kept, is gone")]
)
def test_a_listing_that_is_not_the_plan_is_unsafe(
    client: Client, after: Completed, words: str
) -> None:
    """Restic said 0; what counts is what is there now."""
    with pytest.raises(RetentionUnsafe, match=words):
        client(Script(listing(A, B), OK, after)).forget([A])


def test_what_another_host_forgets_meanwhile_is_its_own_affair(client: Client) -> None:
    """A repository can be shared, and a call that waited for the lock finds less than before."""
    ours, birch = (json.loads(listing(i).stdout)[0] for i in (A, B))
    before = json.dumps([ours, birch | {"hostname": "birch"}])
    script = Script(Completed(0, before.encode(), ""), OK, listing())
    client(script).forget([A])
    assert script.verbs == ["snapshots", "forget", "snapshots"]


def test_an_unknown_id_stops_before_forgetting(client: Client) -> None:
    """Restic would ignore it with exit code 0."""
    script = Script(listing(B))
    with pytest.raises(RetentionUnsafe, match="nothing was removed"):
        client(script).forget_and_prune([A])
    assert script.verbs == ["snapshots"]


def test_forgetting_nothing_calls_nothing(client: Client) -> None:
    """`forget` without ids would need a policy."""
    script = Script()
    client(script).forget_and_prune([])
    assert script.verbs == []


def test_a_prune_is_one_call(client: Client) -> None:
    """It clears an interrupted run's rest; no snapshot goes."""
    script = Script(OK)
    client(script).prune()
    assert script.verbs == ["prune"]


def test_an_empty_plan_needs_an_empty_repository(client: Client) -> None:
    """Restic says nothing at all where there are no snapshots; otherwise silence is a failure."""
    assert client(Script(OK, listing())).plan_retention(Retention(), host="alt").remove == ()
    with pytest.raises(RepositoryError, match="cannot be understood"):
        client(Script(OK, listing(A))).plan_retention(Retention(), host="alt")


# Check, copy, restore, size


def test_a_check_with_errors_is_red_whatever_the_exit_code(client: Client) -> None:
    """Its summary counts."""
    with pytest.raises(RepositoryError, match="2 error"):
        client(Script(summary(num_errors=2))).check()
    assert client(Script(summary(num_errors=0, suggest_prune=True))).check().suggest_prune


def test_a_check_without_a_summary_is_only_believed_of_an_old_restic(client: Client) -> None:
    """Before 0.18 it has none; from 0.18 on something is wrong."""
    old = Completed(0, b'{"version":"0.17.3"}', "")
    assert client(Script(OK, old)).check(read_data_subset="1/7").read_data_subset == "1/7"
    with pytest.raises(RepositoryError, match="without its summary"):
        client(Script(OK, VERSION)).check()


def test_copying_nothing_starts_nothing(client: Client) -> None:
    """`copy` without ids would copy everything."""
    script = Script()
    client(script).copy_from(client(script), [])
    assert script.calls == []


def test_a_copy_that_fails_names_both_sides(client: Client, place: Repository) -> None:
    """Restic's exit codes do not tell which of the two it was."""
    target = client(Script(Completed(12, b"", "wrong password")), url="rest:http://h/")
    with pytest.raises(WrongPassword) as caught:
        target.copy_from(client(Script()), [A])
    assert f"rest:http://h/ or {place.url}" in str(caught.value)


def test_a_restore_is_of_the_snapshots_one_path(client: Client) -> None:
    """The path is looked up, and the counts have to agree."""
    script = Script(listing(A), summary(total_files=2, files_restored=2))
    client(script).restore(A, Path("/scratch"))
    assert script.calls[1][0][-1] == f"{A}:/v"
    short = summary(total_files=2, files_restored=1)
    with pytest.raises(RepositoryError, match="restored 1 of 2 files"):
        client(Script(listing(A), short)).restore(A, Path("/scratch"))


def test_a_restore_of_what_was_listed_asks_for_nothing_more(client: Client) -> None:
    """One call of restic, and the counts have to agree here too."""
    (listed,) = client(Script(listing(A))).snapshots()
    script = Script(summary(total_files=2, files_restored=2))
    client(script).restore(listed, Path("/scratch"))
    assert [call[0][-1] for call in script.calls] == [f"{A}:/v"]
    short = summary(total_files=2, files_restored=1)
    with pytest.raises(RepositoryError, match="restored 1 of 2 files"):
        client(Script(short)).restore(listed, Path("/scratch"))


def test_a_restore_of_what_was_listed_and_is_gone_fails(client: Client) -> None:
    """What was removed since then is not restored in silence."""
    (listed,) = client(Script(listing(A))).snapshots()
    gone = Completed(1, b"", "Fatal: failed to find snapshot: no matching ID found")
    with pytest.raises(RepositoryError, match="no matching ID found"):
        client(Script(gone)).restore(listed, Path("/scratch"))


def test_a_restore_refuses_what_it_cannot_lay_out(client: Client) -> None:
    """No such snapshot, or one with two paths."""
    with pytest.raises(NoSnapshot):
        client(Script(listing())).restore(A, Path("/scratch"))
    with pytest.raises(RepositoryError, match="2 paths"):
        client(Script(listing(A, paths=("/v", "/w")))).restore(A, Path("/scratch"))


def test_a_remote_repositorys_size_is_restics_count(client: Client) -> None:
    """A local one is measured, without restic."""
    remote = client(Script(Completed(0, b'{"total_size":42}', "")), url="rest:http://h/")
    assert remote.stored_bytes() == 42
    with pytest.raises(RepositoryMissing):
        client(Script()).stored_bytes()
    with pytest.raises(RepositoryError, match="stats"):
        client(Script(OK), url="rest:http://h/").stored_bytes()
