"""Tells each thing once, to each target, and remembers what was told.

There is no queue: what is wrong is compared with what was told, so a message that was not
delivered is tried again for as long as it is true, and one that is no longer true is not sent. The
memory is one file that the daemon's sensor and the command line share. Keep out: where
conditions come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.signals.condition import RANK, Condition, Level, worded
from alt_backup_assets.signals.messages import Target, read_targets, send
from alt_backup_assets.signals.state import read_state, state_file
from alt_backup_assets.site import Site
from alt_backup_assets.tools.record_file import keep
from alt_backup_assets.values import Frozen

MOST_MESSAGES = 5
"""More news than these come as one message: nobody reads sixty."""


class Told(Frozen):
    """What a target knows of one thing that is wrong."""

    level: Level
    occurrence: str = ""


class Memory(Frozen):
    """What every target knows: by its id, then by the key of the condition."""

    targets: dict[str, dict[str, Told]] = Field(default_factory=dict)


class Announcer:
    """Tells some targets what is new to them.

    Args:
        platform: Named in each title.
        targets: Where messages go.
        path: The memory's file.

    Attributes:
        problems: What was not delivered, in sentences; that target is left alone afterwards.
        sent: How many messages were delivered.
    """

    def __init__(self, platform: str, targets: Sequence[Target], path: Path) -> None:
        self._platform = platform
        self._targets = list(targets)
        self._path = path
        before = (read_state(path, Memory) or Memory()).targets
        self._known = {target.id: dict(before.get(target.id, {})) for target in targets}
        self.problems: list[str] = []
        self.sent = 0

    def known(self, prefix: str) -> set[str]:
        """Return the keys some target was told of as wrong, of one kind."""
        keys = {key for known in self._known.values() for key in known}
        return {key for key in keys if key.startswith(prefix)}

    def each(self, conditions: Sequence[Condition]) -> None:
        """Tell what is new, a message for each thing unless there are too many."""
        for target in list(self._targets):
            news = self._news(target, conditions)
            if len(news) > MOST_MESSAGES:
                self._tell(target, news)
            else:
                for condition in news:
                    self._tell(target, [condition])

    def together(self, conditions: Sequence[Condition]) -> None:
        """Tell what is new in one message."""
        for target in list(self._targets):
            self._tell(target, self._news(target, conditions))

    def forget(self, prefix: str, keep: Collection[str]) -> None:
        """Forget the things of one kind that are not there any more."""
        gone = self.known(prefix) - set(keep)
        if gone:
            for known in self._known.values():
                for key in gone & set(known):
                    del known[key]
            self._save()

    def _news(self, target: Target, conditions: Sequence[Condition]) -> list[Condition]:
        """Return what a target is to hear; what got a little better is only remembered."""
        known = self._known[target.id]
        better = [c for c in conditions if c.level != "good" and _is_better(c, known)]
        if better:
            self._remember(target, better)
        return [condition for condition in conditions if _is_news(condition, known)]

    def _tell(self, target: Target, news: Sequence[Condition]) -> None:
        if not news or target not in self._targets:
            return
        worst = max((condition.level for condition in news), key=RANK.__getitem__)
        try:
            send(target, *worded(self._platform, news), worst)
        except AltBackupError as error:
            self.problems.append(f"{error}; it will be tried again")
            self._targets.remove(target)
            return
        self.sent += 1
        try:
            self._remember(target, news)
        except OSError as error:
            # Twice is better than never, but not everything twice: the rest waits.
            self.problems.append(f"what was told cannot be remembered: {error}")
            self._targets.remove(target)

    def _remember(self, target: Target, conditions: Sequence[Condition]) -> None:
        known = self._known[target.id]
        for condition in conditions:
            if condition.level == "good":
                known.pop(condition.key, None)
            else:
                told = Told(level=condition.level, occurrence=condition.occurrence)
                known[condition.key] = told
        self._save()

    def _save(self) -> None:
        keep(self._path, Memory(targets=self._known))


def _is_news(condition: Condition, known: Mapping[str, Told]) -> bool:
    told = known.get(condition.key)
    if told is None or condition.level == "good":
        return (told is None) == (condition.level != "good")
    again = condition.occurrence != told.occurrence
    return again or RANK[condition.level] > RANK[told.level]


def _is_better(condition: Condition, known: Mapping[str, Told]) -> bool:
    told = known.get(condition.key)
    if told is None or condition.occurrence != told.occurrence:
        return False
    return RANK[condition.level] < RANK[told.level]


@contextmanager
def announcing(site: Site, *, wait_seconds: float = 0) -> Iterator[Announcer]:
    """Hold the memory of a site, so that nobody else tells the same meanwhile.

    Args:
        site: The machine.
        wait_seconds: How long to wait for another process that tells something.

    Raises:
        ConfigurationError: The file of addresses cannot be used.
        VolumeBusy: Another process tells something.
    """
    targets = read_targets(site.config.signals.messages)
    with site.lock("messages", wait_seconds=wait_seconds):
        yield Announcer(site.name, targets, state_file(site, "told"))
