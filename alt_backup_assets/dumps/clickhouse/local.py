"""``clickhouse local``: a server without a server, in a throw-away target of a drill.

Source: ClickHouse documentation, "clickhouse-local".
"""

from __future__ import annotations

from dataclasses import dataclass

from alt_backup_assets.platforms.seam import Place
from alt_backup_assets.tools.clickhouse import Row, rows


@dataclass(frozen=True)
class Local:
    """``clickhouse local`` in a place, with a directory of its own.

    Attributes:
        place: Where the program is.
        path: Its data.
        config: Its configuration.
        timeout_seconds: How long one query may take.
    """

    place: Place
    path: str
    config: str
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
