"""The file that the node exporter's textfile collector reads.

It appears whole or not at all. Whoever writes it reads and writes under one lock, and writes all
there is to say: two writers cannot take turns with halves, nor an older reading follow a newer.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from prometheus_client import generate_latest

from alt_backup_assets.signals.facts import Facts, read_facts
from alt_backup_assets.signals.metrics import registry
from alt_backup_assets.site import Site

_LOCK_SECONDS = 600
_MODE = 0o644
"""The node exporter is another user, and there is no secret in it."""


def exposition(facts: Facts) -> bytes:
    """Return the metrics as Prometheus' text format."""
    return generate_latest(registry(facts))


def write_textfile(site: Site, path: Path) -> Facts:
    """Read the facts and write them as metrics.

    Args:
        site: The machine.
        path: The file, in the directory that the collector reads; its name ends in ``.prom``.

    Raises:
        OSError: It cannot be written; the file before is still there.
        VolumeBusy: Another writer does not end.
    """
    with site.lock("metrics-textfile", wait_seconds=_LOCK_SECONDS):
        facts = read_facts(site)
        _replace(path, exposition(facts))
    return facts


def _replace(path: Path, content: bytes) -> None:
    # The collector takes every file that ends in .prom; this one does not, until it is whole.
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as aside:
        try:
            aside.write(content)
            aside.flush()
            os.fchmod(aside.fileno(), _MODE)
            os.fsync(aside.fileno())
            Path(aside.name).rename(path)
        except BaseException:
            Path(aside.name).unlink()
            raise
