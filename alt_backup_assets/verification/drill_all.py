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
from alt_backup_assets.verification.sweep import sweep


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
        find: Chooses the snapshot; what it raises is that volume's failure.
        again: Drill a snapshot that has a proof already.
        notify: Gets a line per step.

    Yields:
        How each ended, as it ends. After the last one the ledger goes into the repository.
    """
    site.local.require_version()
    for line in sweep(site):
        notify(f"swept: {line}")

    def work(volume: Volume) -> Proof | None:
        target = find(volume)
        notify(f"{volume.name}: drilling snapshot {target.snapshot.short} ({target.source})")
        return drill(site, target, again=again)

    recorded = False
    for outcome in each(volumes, work, workers=site.config.workers):
        recorded = recorded or outcome.value is not None
        proof = outcome.value
        error = "; ".join(proof.differences) if proof else outcome.message
        yield Drilled(outcome.item.name, proof, error or None)
    if recorded:
        publish(site)
