"""Plants a damaged dump in a repository: what a drill must find out.

The snapshot is taken with the tags and the time of the sound one it was made from, and its
record can be made to agree with the damage, so that only the restore itself can notice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from alt_backup_assets.dumps.planting import Change, make_record_agree
from alt_backup_assets.site import Site
from alt_backup_assets.verification.drill import Target


@contextmanager
def restored(site: Site, target: Target) -> Iterator[Path]:
    """Give the files of a snapshot; they are gone afterwards."""
    directory = Path(mkdtemp(prefix="planting-", dir=site.config.directories.state.parent))
    try:
        site.local.restore(target.snapshot.id, directory)
        yield directory
    finally:
        shutil.rmtree(directory)


def plant(site: Site, target: Target, sound: Path, change: Change, *, hashes: bool) -> Target:
    """Plant a snapshot like another one, but damaged.

    Args:
        site: The machine.
        target: The sound snapshot.
        sound: Its files; they stay as they are.
        change: Damages a copy of them.
        hashes: Whether the record is made to agree with the damaged files.
    """
    directory = sound.parent / f"{sound.name}-damaged"
    shutil.copytree(sound, directory)
    try:
        change(directory)
        if hashes:
            make_record_agree(directory)
        snapshot = site.local.backup(
            directory,
            host=site.name,
            tags=target.snapshot.tags,
            taken_at=target.snapshot.time,
        )
    finally:
        shutil.rmtree(directory)
    return Target(target.volume, snapshot, target.source)


def cut_to_a_third(path: Path) -> None:
    """Cut a file."""
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 3)


def without_lines(path: Path, word: bytes) -> None:
    """Take out the lines of a file that hold this."""
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if word not in line]
    assert len(kept) < len(lines)
    path.write_bytes(b"".join(kept))
