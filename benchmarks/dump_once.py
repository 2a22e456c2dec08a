"""Takes one volume's dump as the product does and says how long that took.

A program: ``python -m benchmarks.dump_once VOLUME`` with ``ALT_BACKUP_CONFIG``. The time is that
of the dump with its fingerprint and record, without starting Python, as that of the bare pg_dump
beside it is without starting a shell.
"""

from __future__ import annotations

import sys
import time

from alt_backup_assets.config import configuration_path
from alt_backup_assets.dumps.take import take_dump
from alt_backup_assets.site import open_site


def main(volume: str) -> None:
    """Take the dump and print the seconds."""
    site = open_site(configuration_path(None))
    started = time.monotonic()
    take_dump(site, site.registry.volume(volume), day=site.today)
    sys.stdout.write(f"{time.monotonic() - started}\n")


if __name__ == "__main__":
    main(sys.argv[1])
