"""What signals remember from one run to the next: small files in the state directory.

``tools.record_file`` writes them. Keep out: what is remembered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen

State = TypeVar("State", bound=Frozen)


def state_file(site: Site, name: str) -> Path:
    """Return the path of a file of ours."""
    directory = site.state / "signals"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory / f"{name}.json"


def read_state(path: Path, kind: type[State]) -> State | None:
    """Return what is remembered; None where nothing is, or it cannot be understood."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
