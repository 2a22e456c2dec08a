"""The containers that runs are executed in, one each.

Holds the label by which they are known and when one is removed. They are not removed at once: what
one said last, before it could say it to Dagster, is in its own log.
"""

from __future__ import annotations

import time

from docker.api.client import APIClient

from alt_backup_assets.tools.docker.engine import answering, remove

LABEL = "io.alt-backup.run"
"""Its value is the name of the platform."""

KEPT_SECONDS = 24 * 3600
_ENDED = ["created", "exited", "dead"]


def sweep(api: APIClient, platform: str) -> tuple[str, ...]:
    """Remove the containers of runs that ended more than a day ago; name them.

    Raises:
        PlatformError: The engine does not answer.
    """
    with answering("the containers of runs"):
        found = api.containers(
            all=True, filters={"label": [f"{LABEL}={platform}"], "status": _ENDED}
        )
    removed = []
    for entry in found:
        is_old = time.time() - float(entry["Created"]) > KEPT_SECONDS
        if is_old and remove(api, entry["Id"], "the container of a run"):
            removed.append(entry["Names"][0].lstrip("/") if entry["Names"] else entry["Id"][:12])
    return tuple(removed)
