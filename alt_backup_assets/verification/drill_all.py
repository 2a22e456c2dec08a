"""Drills several volumes side by side and puts the proofs into the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.site import Site
from alt_backup_assets.tools.parallel import each
from alt_backup_assets.verification.drill import Target, drill
from alt_backup_assets.verification.ledger import publish
from alt_backup_assets.verification.proof import Proof
from alt_backup_assets.verification.sweep import sweep_first

_COMPARED_AS_FILES = ("files", "tar")


@dataclass(frozen=True)
class Drilled:
    """How the drill of one volume ended.

    Attributes:
        volume: Its name.
        proof: What was found; None where the drill could not begin or was not needed.
        error: Why it is not proven; None where it is.
    """

    volume: str
    proof: Proof | None
    error: str | None


def drill_all(
    site: Site,
    volumes: Iterable[Volume],
    find: Callable[[Volume], Target],
    *,
    again: bool = True,
    notify: Callable[[str], object],
) -> Iterator[Drilled]:
    """Drill one snapshot of each volume.

    Args:
        site: The machine.
        volumes: Planned volumes.
        find: Chooses the snapshot, for one volume after the other; what it raises is that
            volume's failure.
        again: Drill a snapshot that has a proof already.
        notify: Gets a line per step.

    Yields:
        How each ended, as it ends; what takes longest begins first, so that none of it is left
        for the end alone. After the last one the ledger goes into the repository.
    """
    site.local.require_version()
    sweep_first(site, notify)

    def work(target: Target) -> Proof | None:
        notify(f"{target.volume}: drilling snapshot {target.snapshot.short} ({target.source})")
        return drill(site, target, again=again)

    targets = []
    for found in each(volumes, find, workers=1):
        if found.value is None:
            yield Drilled(found.item.name, None, found.message)
        else:
            targets.append(found.value)
    targets.sort(key=lambda target: _length(site, target), reverse=True)
    recorded = False
    for outcome in each(targets, work, workers=site.config.workers):
        recorded = recorded or outcome.value is not None
        proof = outcome.value
        error = "; ".join(proof.differences) if proof else outcome.message
        yield Drilled(outcome.item.volume, proof, error or None)
    if recorded:
        publish(site)


def _length(site: Site, target: Target) -> tuple[bool, int]:
    """Return what is greater the longer a drill takes: a server has to be started and filled."""
    with_server = site.registry.volume(target.volume).engine not in _COMPARED_AS_FILES
    return with_server, target.snapshot.total_bytes or 0
