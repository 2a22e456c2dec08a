"""The containers that runs are executed in, one each.

Holds the label by which they are known and when one is removed. They are not removed at once: what
one said last, before it could say it to Dagster, is in its own log.
"""

from __future__ import annotations

import re
import time

from docker.api.client import APIClient
from docker.errors import NotFound

from alt_backup_assets.tools.docker.engine import answering

LABEL = "io.alt-backup.run"
"""Its value is the name of the platform."""

KEPT_SECONDS = 24 * 3600
_ENDED = ["created", "exited", "dead"]
_SHORT_ID = re.compile(r"[0-9a-f]{12}")


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
        if time.time() - float(entry["Created"]) > KEPT_SECONDS:
            with answering("to remove the container of a run"):
                try:
                    api.remove_container(entry["Id"], v=True)
                except NotFound:
                    continue
            removed.append(entry["Names"][0].lstrip("/") if entry["Names"] else entry["Id"][:12])
    return tuple(removed)


def runs(api: APIClient, hostname: str) -> bool:
    """Tell whether a container runs whose host name is its own short id, as is the default.

    Raises:
        PlatformError: The engine does not answer.
    """
    if not _SHORT_ID.fullmatch(hostname):
        return True  # a machine, or a name somebody gave: nobody here can tell
    with answering("the holder of a lock"):
        try:
            return bool(api.inspect_container(hostname)["State"]["Running"])
        except NotFound:
            return False
