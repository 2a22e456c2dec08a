"""Remembers the services a restore has stopped, so that a rerun after a crash starts them again.

A note per service in the state directory: written before the service is stopped, removed once it
runs again. Keep out: stopping and starting.
"""

from __future__ import annotations

from pathlib import Path

from alt_backup_assets.restoration.exchange import sync
from alt_backup_assets.site import Site


def remember(site: Site, service: str) -> None:
    """Note, on the disk, that a restore is about to stop a service."""
    note = _note(site, service)
    note.parent.mkdir(mode=0o700, exist_ok=True)
    note.touch()
    sync(note.parent)


def forget(site: Site, service: str) -> None:
    """Remove the note: the service runs again."""
    _note(site, service).unlink(missing_ok=True)


def is_remembered(site: Site, service: str) -> bool:
    """Tell whether a restore that was killed has left a service stopped."""
    return _note(site, service).exists()


def _note(site: Site, service: str) -> Path:
    return site.state / "stopped-services" / service
