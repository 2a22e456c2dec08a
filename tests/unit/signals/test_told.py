"""Each thing is told once, to each target; what is well again is told once too."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from alt_backup_assets.errors import VolumeBusy
from alt_backup_assets.signals.condition import Condition, Level
from alt_backup_assets.signals.told import MOST_MESSAGES, Announcer, announcing
from alt_backup_assets.site import Site
from tests.fakes.receiver import Call, Receiver, receiving
from tests.unit.definitions.bench import make_site


@pytest.fixture(name="site")
def _site(tmp_path: Path, receiver: Receiver) -> Site:
    return site_of(tmp_path, receiver)


def site_of(directory: Path, *receivers: Receiver) -> Site:
    """Return a site whose messages go to these receivers."""
    file = directory / "messages"
    lines = (receiver.url.replace("http://", "json://") for receiver in receivers)
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    return make_site(directory, signals={"messages": str(file)})


def wrong(name: str, level: Level = "critical", occurrence: str = "") -> Condition:
    """Return something that is wrong."""
    return Condition(
        key=f"check {name}",
        level=level,
        about=name,
        what=f"{name} is broken",
        remedy=f"mend {name}",
        occurrence=occurrence,
    )


def tell(site: Site, *conditions: Condition) -> tuple[int, list[str]]:
    """Tell conditions one by one; return how many messages were sent, and the problems."""
    with announcing(site) as announcer:
        announcer.each(conditions)
        return announcer.sent, announcer.problems


def titles(receiver: Receiver) -> list[str]:
    """Return the titles of what came."""
    return [json.loads(call.body)["title"] for call in receiver.calls]


def test_what_is_wrong_is_told_once(site: Site, receiver: Receiver) -> None:
    """The message says what, how bad and what to do; as long as it lasts there is no other."""
    for expected in (1, 0, 0):
        assert tell(site, wrong("a")) == (expected, [])
    said = json.loads(receiver.calls[0].body)
    assert said["title"] == "[fake] CRITICAL: a"
    assert said["message"] == "CRITICAL: a\na is broken\nWhat to do: mend a"
    assert said["type"] == "failure"


def test_two_failures_and_a_recovery_are_three_messages(site: Site, receiver: Receiver) -> None:
    """However often the state is looked at, and although each look is a new process."""
    looks: Sequence[tuple[Level, Level]] = (
        ("good", "good"),
        ("critical", "good"),
        ("critical", "critical"),
        ("critical", "critical"),
        ("good", "critical"),
        ("good", "critical"),
    )
    for a, b in looks:
        tell(site, wrong("a", a), wrong("b", b))
    assert titles(receiver) == [
        "[fake] CRITICAL: a",
        "[fake] CRITICAL: b",
        "[fake] RECOVERED: a",
    ]


def test_what_was_never_wrong_does_not_recover(site: Site, receiver: Receiver) -> None:
    """A good thing is no news."""
    assert tell(site, wrong("a", "good")) == (0, [])
    assert receiver.calls == []


def test_it_is_told_again_when_it_gets_worse_and_not_when_it_gets_better(
    site: Site, receiver: Receiver
) -> None:
    """From warning to critical is news; back to warning is not, and critical once more is."""
    levels: Sequence[Level] = ("warning", "critical", "warning", "warning", "critical", "good")
    for level in levels:
        tell(site, wrong("a", level))
    assert [title.split()[1] for title in titles(receiver)] == [
        "WARNING:",
        "CRITICAL:",
        "CRITICAL:",
        "RECOVERED:",
    ]


def test_another_occurrence_is_news(site: Site) -> None:
    """Where each failure counts, the next one is told although the first is not over."""
    assert [tell(site, wrong("a", "critical", o))[0] for o in ("1", "1", "2", "2")] == [1, 0, 1, 0]


def test_what_was_not_delivered_is_tried_again(site: Site, receiver: Receiver) -> None:
    """A broken target is asked once a look, loses nothing, and is told when it is back."""
    receiver.answer = (500, "")
    for _ in range(3):
        sent, problems = tell(site, wrong("a"), wrong("b"))
        assert sent == 0
        (problem,) = problems
        assert "did not take a message; it will be tried again" in problem
    assert len(receiver.calls) == 3
    receiver.answer = (200, "")
    assert tell(site, wrong("a"), wrong("b")) == (2, [])
    assert tell(site, wrong("a"), wrong("b")) == (0, [])


def test_what_was_over_before_it_could_be_told_is_not_told(site: Site, receiver: Receiver) -> None:
    """Nobody is told of the recovery of what nobody heard of."""
    receiver.answer = (500, "")
    tell(site, wrong("a"))
    receiver.answer = (200, "")
    assert tell(site, wrong("a", "good")) == (0, [])


def test_a_broken_target_does_not_repeat_messages_to_the_others(tmp_path: Path) -> None:
    """Each target has its own memory: one that is broken costs the others nothing."""
    with receiving() as sound, receiving() as broken:
        broken.answer = (500, "")
        site = site_of(tmp_path, broken, sound)
        for _ in range(3):
            tell(site, wrong("a"))
        assert titles(sound) == ["[fake] CRITICAL: a"]
        broken.answer = (200, "")
        tell(site, wrong("a"))
        assert len(sound.calls) == 1
        assert len(broken.calls) == 4


def test_many_things_at_once_are_one_message(site: Site, receiver: Receiver) -> None:
    """A storm is one message with everything in it, the worst first; so is its end."""
    names = [f"v{number}" for number in range(MOST_MESSAGES + 1)]
    storm = [wrong(name, "warning") for name in names[1:]] + [wrong(names[0])]
    assert tell(site, *storm) == (1, [])
    said = json.loads(receiver.calls[0].body)
    assert said["title"] == f"[fake] CRITICAL: {len(names)} things to know"
    assert said["message"].startswith("CRITICAL: v0")
    assert all(f"mend {name}" in said["message"] for name in names)
    assert tell(site, *storm) == (0, [])
    assert tell(site, *(wrong(name, "good") for name in names)) == (1, [])


def test_things_told_together_are_one_message(site: Site) -> None:
    """What belongs together is one message from the first."""
    with announcing(site) as announcer:
        announcer.together([wrong("a"), wrong("b")])
        announcer.together([wrong("a"), wrong("b")])
        announcer.together([])
        assert announcer.sent == 1


def test_what_is_gone_is_forgotten(site: Site) -> None:
    """A volume that left the registry, still wrong, neither recovers nor is known for ever."""
    tell(site, wrong("a"), wrong("b"))
    with announcing(site) as announcer:
        announcer.forget("check ", keep={"check b"})
        assert announcer.known("check ") == {"check b"}
    with announcing(site) as announcer:
        assert announcer.known("check ") == {"check b"}


def test_without_a_file_nothing_is_told_nor_remembered(tmp_path: Path) -> None:
    """Once messages are configured everything that is wrong is news."""
    assert tell(make_site(tmp_path), wrong("a")) == (0, [])
    with receiving() as receiver:
        assert tell(site_of(tmp_path, receiver), wrong("a")) == (1, [])


def test_each_message_is_remembered_before_the_next(
    site: Site, receiver: Receiver, tmp_path: Path
) -> None:
    """A crash between two messages repeats none: what was sent is on the disk by then."""
    seen: list[str] = []
    file = tmp_path / "state" / "signals" / "told.json"

    def answer(_: Call) -> tuple[int, str]:
        seen.append(file.read_text() if file.exists() else "")
        return 200, ""

    receiver.answer = answer
    tell(site, wrong("a"), wrong("b"))
    assert seen[0] == ""
    assert "check a" in seen[1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert receiver.url not in file.read_text()


@pytest.mark.parametrize("content", ["", "{", '{"targets": 1}'])
def test_a_memory_that_cannot_be_read_tells_again(site: Site, tmp_path: Path, content: str) -> None:
    """Twice is better than never."""
    tell(site, wrong("a"))
    (tmp_path / "state" / "signals" / "told.json").write_text(content)
    assert tell(site, wrong("a")) == (1, [])


def test_nobody_tells_beside_another(site: Site) -> None:
    """While one process tells, another one waits or gives up."""
    with site.lock("messages"), pytest.raises(VolumeBusy), announcing(site):
        pytest.fail("two at once")


Write = Callable[[str, str], Path]


def test_a_wrong_address_is_a_problem_and_no_crash(site: Site, tmp_path: Path) -> None:
    """What apprise cannot use is told as a problem, without the address."""
    (tmp_path / "messages").write_text("nosuch://T0ken\n")
    with announcing(site) as announcer:
        assert isinstance(announcer, Announcer)
        announcer.each([wrong("a")])
        (problem,) = announcer.problems
    assert "line 1 (nosuch) is not an address" in problem
    assert "T0ken" not in problem
