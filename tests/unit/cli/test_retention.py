"""``alt-backup retention``: the plan is shown, and believed only by the listing afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alt_backup_assets.errors import RepositoryUnreachable
from tests.fakes.restic import FakeRestic, Fault
from tests.unit.cli.conftest import Call, Machine

ONE_A_DAY = "retention: {hourly: 0, daily: 1, weekly: 0, monthly: 0}"


@pytest.fixture
def twice(machine: Machine, call: Call) -> Machine:
    """Return a machine with two snapshots a volume, of which the policy keeps one."""
    machine.rewrite("local: {url: local,", f"local: {{url: local, {ONE_A_DAY}, ")
    assert call("backup").code == 0
    for snapshot in machine.local.snapshots():
        older = {"time": snapshot.time - timedelta(hours=1)}
        machine.local._snapshots[snapshot.id] = snapshot.model_copy(update=older)
    assert call("backup").code == 0
    assert call("offsite").code == 0
    return machine


def test_old_snapshots_go_and_the_newest_stays(twice: Machine, call: Call) -> None:
    """The policy keeps one a day: the older one of each volume is forgotten, and named."""
    newest = {name: twice.local.snapshots(tag=name)[-1] for name in ("tokens", "logs")}
    ran = call("retention", "--json")
    assert ran.code == 0
    assert ran.json["verdict"] == "GOOD"
    local, offsite = ran.json["repositories"]
    assert (local["repository"], offsite["repository"]) == ("local", "offsite")
    told = {volume["name"]: volume for volume in local["volumes"]}
    for name, snapshot in newest.items():
        assert told[name]["kept"] == 1
        assert len(told[name]["removed"]) == 1
        assert twice.local.snapshots(tag=name) == (snapshot,)


def test_a_dry_run_only_shows(twice: Machine, call: Call) -> None:
    """The plan is the same, and nothing is forgotten or removed."""
    twice.later = timedelta(minutes=80)
    ran = call("retention", "--dry-run", "--json")
    assert ran.code == 0
    assert ran.json["dry_run"] is True
    assert len(ran.json["repositories"][0]["volumes"][0]["removed"]) == 1
    assert len(twice.local.snapshots(tag="tokens")) == 2
    assert len(list((twice.state / "dumps" / "tokens").iterdir())) == 2


def test_old_dumps_expire_and_the_newest_stays(twice: Machine, call: Call) -> None:
    """Dumps that are old and held by a snapshot go; the newest of a volume never does."""
    twice.rewrite(ONE_A_DAY, "retention: {hourly: 24}")
    twice.later = timedelta(days=30)
    newest = max(path.name for path in (twice.state / "dumps" / "tokens").iterdir())
    ran = call("retention", "--json")
    assert len(ran.json["expired_dumps"]["tokens"]) == 1
    assert [path.name for path in (twice.state / "dumps" / "tokens").iterdir()] == [newest]


def test_people_see_what_is_kept_and_removed(twice: Machine, call: Call) -> None:
    """The table has a line per repository and volume."""
    ran = call("retention", "--dry-run")
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["local", "tokens", "1", "1", "0"] in lines
    assert "newest that was proven" not in ran.out
    assert ran.out.splitlines()[-1] == "GOOD"
    assert len(twice.local.snapshots(tag="tokens")) == 2


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_what_is_spared_is_shown(machine: Machine, call: Call, words: tuple[str, ...]) -> None:
    """The newest proven snapshot, here and offsite, that the policy alone would remove."""
    machine.rewrite("local: {url: local,", f"local: {{url: local, {ONE_A_DAY}, ")
    machine.rewrite("medium: tape", f"medium: tape, {ONE_A_DAY}")
    assert call("backup").code == call("drill", "tokens").code == 0
    for snapshot in machine.local.snapshots():
        older = {"time": snapshot.time - timedelta(hours=1)}
        machine.local._snapshots[snapshot.id] = snapshot.model_copy(update=older)
    (proven,) = machine.local.snapshots(tag="tokens")
    assert call("offsite").code == 0
    assert call("backup").code == call("offsite").code == 0
    copy = machine.offsite.snapshots(tag="tokens")[0]
    ran = call("retention", *words, "--json")
    assert ran.code == 0
    for one, kept in zip(ran.json["repositories"], (proven, copy), strict=True):
        told = {volume["name"]: volume for volume in one["volumes"]}
        assert told["tokens"] | {"kept": 2, "removed": [], "spared": [kept.id]} == told["tokens"]
        assert told["logs"]["spared"] == []
        assert len(told["logs"]["removed"]) == 1
    shown = call("retention", "--dry-run").out
    for which, kept in (("local", proven), ("offsite", copy)):
        assert f"{which}: {kept.id[:8]} of tokens is kept whatever the policy says" in shown


def test_one_side_that_fails_is_2_and_the_other_is_done(twice: Machine, call: Call) -> None:
    """An offsite that is down does not keep old snapshots here, and is not forgotten either."""
    twice.offsite.faults["plan_retention"] = Fault(RepositoryUnreachable("no route to host"))
    ran = call("retention", "--json")
    assert ran.code == 2
    local, offsite = ran.json["repositories"]
    assert local["verdict"] == "GOOD"
    assert offsite["error"] == "no route to host"
    assert len(twice.local.snapshots(tag="tokens")) == 1


def test_a_listing_that_is_not_the_plan_is_2(twice: Machine, call: Call) -> None:
    """A repository that answers well and removes nothing is not believed."""
    keeps = FakeRestic("/fake/keeps", append_only=True)
    keeps.init()
    keeps._snapshots, keeps._trees = twice.local._snapshots, twice.local._trees
    twice.local = keeps
    ran = call("retention", "--json")
    assert ran.code == 2
    assert "is still there" in ran.json["repositories"][0]["error"]


def test_an_append_only_target_is_left_alone(twice: Machine, call: Call) -> None:
    """It keeps everything, which is no failure, and says so."""
    twice.rewrite("medium: tape", "medium: tape, append_only: true")
    before = list(twice.offsite.calls)
    ran = call("retention", "--json")
    assert ran.code == 0
    assert "append-only" in ran.json["repositories"][1]["note"]
    assert twice.offsite.calls == before


def test_dumps_nobody_knows_a_snapshot_of_are_2(twice: Machine, call: Call) -> None:
    """They are not expired, and the call says so."""
    twice.local.faults["snapshots"] = Fault(RepositoryUnreachable("the disk is gone"))
    ran = call("retention", "--json")
    assert ran.code == 2
    assert ran.json["reasons"] == ["old dumps were not removed: the disk is gone"]


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_volume_somebody_works_on_is_passed_over(
    twice: Machine, call: Call, words: tuple[str, ...]
) -> None:
    """Its dumps are not expired under his hands: that is no failure, and can be read."""
    with twice.site(twice.configuration).lock("tokens"):
        ran = call("retention", *words, "--json")
    assert ran.code == 0
    assert set(ran.json["expired_dumps"]) == {"logs"}
    assert "tokens: old dumps are left for the next time: another run is working" in ran.err


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_plan_the_guard_refuses_is_2_and_shown(
    twice: Machine, call: Call, words: tuple[str, ...]
) -> None:
    """With every reason and the plan; nothing goes, here or offsite, but old dumps may."""
    twice.later = timedelta(days=30)
    ran = call("retention", *words, "--json")
    assert ran.code == 2
    local, offsite = ran.json["repositories"]
    assert [reason.split(":")[0] for reason in local["refusals"]] == ["tokens", "logs"]
    assert "too old to stand for older ones" in local["refusals"][0]
    assert "`alt-backup offsite`" in offsite["refusals"][0]
    assert local["error"] == "refused: nothing was removed"
    assert len(local["volumes"][0]["removed"]) == 1
    assert len(ran.json["expired_dumps"]["tokens"]) == 1
    assert len(twice.local.snapshots(tag="tokens")) == 2
    assert "too old" in call("retention", *words).out
