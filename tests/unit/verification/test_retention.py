"""The retention guard: nothing goes while something hangs on it, here and offsite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alt_backup_assets.config import Configuration
from alt_backup_assets.dumps.take import store
from alt_backup_assets.errors import (
    LedgerError,
    NoSnapshot,
    RepositoryUnreachable,
    RetentionUnsafe,
    ServiceVanished,
    ToolFailed,
)
from alt_backup_assets.offsite.copy import copy_snapshots
from alt_backup_assets.verification.proof import Source
from alt_backup_assets.verification.repository_check import check, prune_is_due
from alt_backup_assets.verification.retention import plan, retain, tidy
from tests.fakes.restic import Fault
from tests.fakes.site import DB, TOKENS, Machine

BOTH = (DB, TOKENS)
TWO_DAYS = {"hourly": 0, "daily": 2, "weekly": 0, "monthly": 0}
NOTHING = dict.fromkeys(("hourly", "daily", "weekly", "monthly"), 0)
SOURCES: tuple[Source, ...] = ("local", "offsite")


def _with(machine: Machine, source: Source, **changes: object) -> Machine:
    """Change what the configuration says of a repository."""
    config = machine.site.config.model_dump()
    config["repositories"][source] |= changes
    return replace(machine, site=replace(machine.site, config=Configuration.model_validate(config)))


def _back_up_days(machine: Machine, days: int, *volumes: str) -> None:
    for _ in range(days):
        machine.clock.advance(days=1)
        for volume in volumes:
            machine.snapshot(volume)


@pytest.fixture(name="kept")
def _kept(machine: Machine) -> Machine:
    """Return a machine with four days of snapshots and copies, two of which the policies keep."""
    _back_up_days(machine, 4, *BOTH)
    copy_snapshots(machine.site, BOTH)
    machine = _with(machine, "local", retention=TWO_DAYS)
    return _with(machine, "offsite", retention=TWO_DAYS)


def _drill(machine: Machine, volume: str, *, back: int, fails: bool = False) -> None:
    """Drill an older snapshot: as many before the newest as are asked for."""
    listed = machine.local.snapshots(tag=volume)
    newer = [s.id for s in listed[len(listed) - back :]]
    held = {i: machine.local._snapshots.pop(i) for i in newer}
    if fails:
        machine.engine.rehearse_errors[volume].append(ToolFailed("no such role", 1))
    machine.drill(volume)
    machine.local._snapshots.update(held)


@pytest.mark.parametrize("source", SOURCES)
def test_old_snapshots_go_where_nothing_hangs_on_them(kept: Machine, source: Source) -> None:
    """By the repository's own policy; the other repository keeps what it keeps."""
    _drill(kept, DB, back=0)
    planned = retain(kept.site, source)
    assert planned is not None
    assert (len(planned.keep), len(planned.remove)) == (4, 4)
    counts = {"local": kept.local, "offsite": kept.offsite}
    assert len(counts.pop(source).snapshots(tag=DB)) == 2
    assert [len(other.snapshots(tag=DB)) for other in counts.values()] == [4]


@pytest.mark.parametrize("source", SOURCES)
def test_the_newest_proven_snapshot_never_goes(kept: Machine, source: Source) -> None:
    """The policy would keep two unproven ones and drop the one proven: it is kept beside them."""
    _drill(kept, DB, back=3)
    repository = kept.local if source == "local" else kept.offsite
    before = repository.snapshots(tag=DB)
    planned = retain(kept.site, source)
    assert planned is not None
    assert planned.spared == (before[0],)
    assert before[0] in planned.keep
    assert repository.snapshots(tag=DB) == (before[0], *before[-2:])


def test_a_newer_proof_lets_the_older_one_go(kept: Machine) -> None:
    """Once a newer snapshot is proven, nothing hangs on the one before."""
    _drill(kept, DB, back=3)
    kept.drill(DB)
    planned = retain(kept.site)
    assert planned is not None
    assert planned.spared == ()
    assert len(kept.local.snapshots(tag=DB)) == 2


def test_a_drill_without_a_verdict_is_no_refusal(kept: Machine) -> None:
    """The machine was in its way; what was proven before is kept, and what failed before counts."""
    kept.drill(DB)
    kept.engine.rehearse_errors[DB].append(ServiceVanished("the engine was restarted"))
    assert kept.drill(DB).verdict == "FAILED"
    assert plan(kept.site).refusals == ()
    kept.engine.rehearse_errors[DB] += [ToolFailed("no such role", 1), ServiceVanished("gone")]
    assert [kept.drill(DB).undecided for _ in range(2)] == [False, True]
    (reason,) = plan(kept.site).refusals
    assert "failed: look into it" in reason


def test_a_failed_drill_of_an_old_snapshot_is_no_proof_to_keep(kept: Machine) -> None:
    """It is a reason of its own: nothing goes while the newest drill failed."""
    _drill(kept, DB, back=3, fails=True)
    (reason,) = plan(kept.site).refusals
    assert reason.startswith("db_data: the newest local drill")
    assert "look into it" in reason


def test_a_failure_offsite_is_not_healed_by_a_proof_here(kept: Machine) -> None:
    """Each repository's newest drill counts, and the message names which to repeat."""
    kept.engine.rehearse_errors[DB].append(ToolFailed("no such role", 1))
    kept.drill(DB, source="offsite")
    kept.drill(DB)
    (reason,) = plan(kept.site).refusals
    assert "`alt-backup drill --from offsite db_data`" in reason


def test_nothing_goes_after_a_backup_that_left_a_volume_out(kept: Machine) -> None:
    """The newest set is incomplete: the volume that is behind is named, and the other not."""
    _back_up_days(kept, 2, DB)
    guarded = plan(kept.site)
    (reason,) = guarded.refusals
    assert reason.startswith("token-data: the newest snapshot, of ")
    assert "`alt-backup backup --include token-data`" in reason
    assert guarded.plan.remove


def test_a_volume_without_any_snapshot_is_a_reason(machine: Machine) -> None:
    """It was planned and never backed up."""
    _back_up_days(machine, 1, DB)
    (reason,) = plan(machine.site).refusals
    assert reason.startswith("token-data: it has no snapshot in the local repository")


@pytest.mark.parametrize(("hours", "refused"), [(49, False), (51, True)])
def test_copies_follow_within_two_days(kept: Machine, hours: int, refused: bool) -> None:
    """A copy is a day behind its snapshot where a run was missed, and no more."""
    kept.clock.advance(hours=hours)
    assert bool(plan(kept.site, "offsite").refusals) is refused


@pytest.mark.parametrize(("size", "refused"), [(99, True), (100, False), (400, False)])
def test_nothing_goes_while_a_volume_shrank(machine: Machine, size: int, refused: bool) -> None:
    """By more than the configured share of the one before: half, unless the operator says."""
    for volume in BOTH:
        machine.snapshot(volume)
    machine.clock.advance(hours=1)
    for volume in BOTH:
        taken = machine.snapshot(volume)
        before = machine.local.snapshots(tag=volume)[0]
        sizes = {before.id: 200, taken.id: size if volume == DB else 200}
        for i, total in sizes.items():
            changed = machine.local._snapshots[i].model_copy(update={"total_bytes": total})
            machine.local._snapshots[i] = changed
    refusals = plan(machine.site).refusals
    assert bool(refusals) is refused
    if refused:
        assert refusals[0].startswith("db_data: the newest snapshot has 99 bytes")
        loose = machine.site.config.model_dump() | {"retention_guard": {"max_shrink": 1}}
        site = replace(machine.site, config=Configuration.model_validate(loose))
        assert plan(site).refusals == ()


def test_every_reason_is_given_at_once(kept: Machine) -> None:
    """So that one look is enough, and nothing at all is removed."""
    _drill(kept, DB, back=3, fails=True)
    _back_up_days(kept, 2, DB)
    with pytest.raises(RetentionUnsafe) as refused:
        retain(kept.site)
    assert "db_data: " in str(refused.value)
    assert "token-data: " in str(refused.value)
    assert "forget_and_prune" not in kept.local.calls


def test_a_ledger_that_cannot_be_believed_keeps_everything(kept: Machine) -> None:
    """Nobody knows what was proven."""
    kept.drill(DB)
    (kept.site.state / "ledger" / f"{DB}.jsonl").write_text("damaged\n")
    with pytest.raises(LedgerError):
        retain(kept.site)
    assert len(kept.local.snapshots(tag=DB)) == 4


def test_an_append_only_target_keeps_everything(kept: Machine) -> None:
    """None is returned, so that nobody reports a retention that did not run."""
    kept.offsite.calls.clear()
    assert retain(_with(kept, "offsite", append_only=True).site, "offsite") is None
    assert kept.offsite.calls == []


@pytest.mark.parametrize("source", SOURCES)
def test_the_newest_snapshot_is_never_removed(kept: Machine, source: Source) -> None:
    """Whatever the policy says."""
    with pytest.raises(RetentionUnsafe, match="newest snapshot of db_data"):
        retain(_with(kept, source, retention=NOTHING).site, source)


@pytest.mark.parametrize("call", ["plan_retention", "forget_and_prune"])
def test_a_target_that_is_gone_is_a_failure(kept: Machine, call: str) -> None:
    """Not an empty plan, at whatever step."""
    kept.offsite.faults = {call: Fault(RepositoryUnreachable("gone"))}
    with pytest.raises(RepositoryUnreachable):
        retain(kept.site, "offsite")


def test_without_an_offsite_repository_there_is_nothing_to_retain(machine: Machine) -> None:
    """That is an error, not a success."""
    with pytest.raises(NoSnapshot):
        retain(replace(machine.site, offsite=None), "offsite")


def test_tidying_lists_once(kept: Machine) -> None:
    """What the policy's plan lists is enough for the dumps on the disk and for the proofs."""
    kept.drill(DB)
    kept.local.calls.clear()
    expired, planned = tidy(kept.site, print)
    assert planned is not None
    assert len(planned.remove) == 4
    assert {name: len(ids) for name, ids in expired.items()} == {DB: 0, TOKENS: 0}
    assert kept.local.calls == ["require_version", "plan_retention", "forget_and_prune"]


def test_a_refusal_does_not_keep_old_dumps(kept: Machine) -> None:
    """They are held by snapshots; the disk must not fill with them while somebody looks."""
    _back_up_days(kept, 9, DB)  # the other volume's newest snapshot is too old by then
    with pytest.raises(RetentionUnsafe, match="token-data"):
        tidy(kept.site, print)
    assert len(store(kept.site).dumps(DB)) < 13
    assert len(kept.local.snapshots(tag=DB)) == 13


def test_a_volume_somebody_works_on_keeps_no_snapshot(kept: Machine) -> None:
    """Its dumps are left alone; the snapshots are tidied all the same."""
    with kept.site.lock(DB):
        expired, planned = tidy(kept.site, print)
    assert set(expired) == {TOKENS}
    assert planned is not None
    assert len(planned.remove) == 4


def test_an_append_only_repository_keeps_no_old_dumps_on_the_disk(kept: Machine) -> None:
    """Nothing is removed from it, and the dumps that it holds need not be on the disk."""
    _back_up_days(kept, 9, *BOTH)
    expired, planned = tidy(_with(kept, "local", append_only=True).site, print)
    assert planned is None
    assert all(expired.values())
    assert len(kept.local.snapshots(tag=DB)) == 13


@pytest.mark.parametrize("call", ["plan_retention", "snapshots"])
def test_a_repository_that_does_not_open_keeps_every_dump(kept: Machine, call: str) -> None:
    """Nobody knows what it holds."""
    _back_up_days(kept, 9, *BOTH)
    kept.local.faults = {call: Fault(RepositoryUnreachable("gone"))}
    append_only = call == "snapshots"
    with pytest.raises(RepositoryUnreachable):
        tidy(_with(kept, "local", append_only=append_only).site, print)
    assert len(store(kept.site).dumps(DB)) == 13


@pytest.mark.parametrize("source", SOURCES)
def test_data_without_a_snapshot_goes_where_a_check_found_some(
    machine: Machine, source: Source
) -> None:
    """An interrupted run left it; a day on which nothing is forgotten removes it all the same."""
    machine.back_up()
    copy_snapshots(machine.site, BOTH)
    repository = machine.local if source == "local" else machine.offsite
    for left, pruned in ((False, []), (True, ["prune"])):
        repository.left_data = left
        check(machine.site, source=source)
        repository.calls.clear()
        assert retain(machine.site, source) is not None
        assert [call for call in repository.calls if call == "prune"] == pruned


def test_a_check_whose_record_is_lost_prunes(machine: Machine) -> None:
    """Nobody knows what it found."""
    machine.back_up()
    check(machine.site)
    assert not prune_is_due(machine.site)
    (machine.site.state / "repository-check.json").write_text("{")
    assert prune_is_due(machine.site)
