"""Waits until a PostgreSQL server that was just started takes connections for good.

The entry point of the official image runs a server of its own while it initialises an empty
volume; that one listens on no address and is stopped again.

Source: docker-entrypoint.sh of the official image, ``docker_temp_server_start``.
"""

from __future__ import annotations

from time import monotonic, sleep

from alt_backup_assets.dumps.postgresql.server import MAINTENANCE, environment
from alt_backup_assets.errors import RestoreFailed, ServiceVanished, ToolFailed, ToolTimeout
from alt_backup_assets.platforms.seam import Service
from alt_backup_assets.registry.volume import Volume
from alt_backup_assets.tools import postgresql

_SECONDS = 120.0
_QUESTION_SECONDS = 15.0
_PAUSE_SECONDS = 1.0
_QUESTION = """
SELECT pg_catalog.pg_postmaster_start_time() WHERE NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_settings
    WHERE name = 'listen_addresses' AND source = 'command line' AND setting = '')
"""
_INITIALISING = "it is initialising its volume"


def wait(volume: Volume, service: Service) -> None:
    """Return once the server answered twice, a second apart, without a restart between.

    Args:
        volume: An entry with ``user``.
        service: The service that was started.

    Raises:
        RestoreFailed: It did not within 120 s; nothing was loaded.
        ToolMissing: There is no psql in the service.
    """
    deadline = monotonic() + _SECONDS
    started = ""
    while monotonic() < deadline:
        answer, said = _ask(volume, service)
        if answer and answer == started:
            return
        started = answer
        sleep(_PAUSE_SECONDS)
    raise RestoreFailed(
        f"{service.label} did not take connections as {volume.user} within {_SECONDS:g} s ({said});"
        " nothing was loaded: look at the server's log"
    )


def _ask(volume: Volume, service: Service) -> tuple[str, str]:
    """Return when the final server was started, or nothing and why there is none."""
    argv = [*postgresql.psql(str(volume.user), MAINTENANCE), "-c", _QUESTION]
    try:
        answer = service.run(argv, timeout_seconds=_QUESTION_SECONDS, env=environment(volume))
    except (ToolFailed, ToolTimeout, ServiceVanished) as error:
        return "", str(error)
    return answer.decode().strip(), _INITIALISING if not answer.strip() else "it was restarted"
