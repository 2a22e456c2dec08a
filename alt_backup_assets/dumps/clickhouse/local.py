"""``clickhouse local``: a server without a server, in a throw-away target of a drill.

Source: ClickHouse documentation, "clickhouse-local".
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

from alt_backup_assets.dumps.clickhouse import backup
from alt_backup_assets.platforms.seam import Place, Throwaway
from alt_backup_assets.tools.clickhouse import Row, name, rows, text

_TIMEOUT_SECONDS = 7200.0


@dataclass(frozen=True)
class Local:
    """``clickhouse local`` in a place, with a directory of its own.

    Attributes:
        place: Where the program is.
        path: Its data.
        config: Its configuration.
        backups: The directory of its disk ``backups``.
        timeout_seconds: How long one query may take.
    """

    place: Place
    path: str
    config: str
    backups: str
    timeout_seconds: float

    def ask(self, query: str) -> list[Row]:
        """Run a query and return its rows; errors as of ``Place.run``."""
        options = ["--path", self.path, "--config-file", self.config]
        said = self.place.run(
            ["clickhouse", "local", *options, "--output-format", "JSONEachRow"],
            timeout_seconds=self.timeout_seconds,
            stdin=query.encode() + b";\n",
        )
        return rows(said.decode(), self.place.label)


def restore_aside(place: Throwaway, directory: Path, database: str) -> tuple[Local, str]:
    """Restore a database of a dump under a name of its own.

    Args:
        place: Where to.
        directory: Of the dump.
        database: Its name in the dump.

    Returns:
        What it can be asked by, and that name.

    Raises:
        ToolError: ClickHouse refused the archive.
        PlatformError: The place went away.
    """
    arrived = place.put(directory / backup.archive_of(database))
    config = posixpath.join(place.directory, "config.xml")
    backups = posixpath.dirname(arrived) + "/"
    xml = backup.CONFIG.format(path=backups)
    place.run(["tee", config], timeout_seconds=_TIMEOUT_SECONDS, stdin=xml.encode())
    data = posixpath.join(place.directory, "data")
    local = Local(place, data, config, backups, _TIMEOUT_SECONDS)
    scratch = "alt_backup_scratch_" + database
    file = text(posixpath.basename(arrived))
    local.ask(f"RESTORE DATABASE {name(database)} AS {name(scratch)} FROM Disk('backups', {file})")
    return local, scratch
