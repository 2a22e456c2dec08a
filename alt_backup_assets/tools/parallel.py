"""Works on several things side by side; one that fails never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Generic, TypeVar

from alt_backup_assets.errors import AltBackupError
from alt_backup_assets.tools import interruption

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """How one thing ended.

    Attributes:
        item: What was worked on.
        value: What came of it; None where it failed.
        error: Why it failed; None where it did not.
    """

    item: Item
    value: Value | None
    error: BaseException | None

    @property
    def message(self) -> str:
        """The error in words, empty where there is none."""
        return in_words(self.error) if self.error else ""


def in_words(error: BaseException) -> str:
    """Return an error's message; a foreign one keeps its type's name."""
    if isinstance(error, AltBackupError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def each(
    items: Iterable[Item], work: Callable[[Item], Value], *, workers: int
) -> Iterator[Outcome[Item, Value]]:
    """Call ``work`` for every item and yield how each ended, as it ends.

    Left early, by Ctrl-C or by a caller that has enough, what has not begun never begins, and
    what has is interrupted and cleans up. Where ``work`` itself works on several things side by
    side, it takes all of their outcomes and raises what interrupted them.

    Args:
        items: What to work on.
        work: Called in a thread of a pool.
        workers: How many at a time.
    """

    def begin(item: Item) -> Value:
        interruption.refuse_to_begin()
        return work(item)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures: dict[Future[Value], Item] = {}
        all_begun = False
        try:
            for item in items:
                futures[pool.submit(begin, item)] = item
            all_begun = True
            for future in as_completed(futures):
                yield _outcome(futures[future], future)
        finally:
            if not (all_begun and all(future.done() for future in futures)):
                with interruption.stopping():
                    pool.shutdown(cancel_futures=True)


def _outcome(item: Item, future: Future[Value]) -> Outcome[Item, Value]:
    error = future.exception()
    return Outcome(item, None if error else future.result(), error)
