"""How much data a benchmark has, by the word that is given to ``make bench``.

Holds the numbers. Keep out: what the data looks like (``seed``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SizeName = Literal["small", "medium", "large"]

POSTGRESQL_15 = "alt-backup-test/postgresql:15"
POSTGRESQL_17 = "alt-backup-test/postgresql:17"


@dataclass(frozen=True)
class Database:
    """One database of the platform, alone on its server.

    Attributes:
        volume: Its name in the registry.
        service: Its Compose service.
        user: The server's superuser.
        name: The database.
        image: What its server runs.
        megabytes: About how large it is on the server, indexes included.
        recommended: ``pg_dump --compress`` that is recommended for its version; zstd came with
            PostgreSQL 16.
    """

    volume: str
    service: str
    user: str
    name: str
    megabytes: float
    image: str = POSTGRESQL_17
    recommended: str = "zstd:3"


@dataclass(frozen=True)
class Files:
    """One volume of files.

    Attributes:
        volume: Its name in the registry.
        service: Its Compose service.
        megabytes: How much there is.
        kind: ``text``, or ``random`` for what nothing can compress.
    """

    volume: str
    service: str
    megabytes: float
    kind: Literal["text", "random"]


@dataclass(frozen=True)
class Size:
    """All of a benchmark's data.

    Attributes:
        name: The word for it.
        databases: Largest first.
        files: The volumes of files.
        many: Numbers of small volumes between which the time per volume is taken.
    """

    name: SizeName
    databases: tuple[Database, ...]
    files: tuple[Files, ...]
    many: tuple[int, ...]

    @property
    def largest(self) -> Database:
        """The one big database."""
        return self.databases[0]

    @property
    def changing(self) -> Database:
        """The database that changes from day to day; small, and of a version with zstd."""
        return self.databases[-1]


_FACTORS: dict[SizeName, float] = {"small": 1 / 15, "medium": 1.0, "large": 4.0}
_MANY: dict[SizeName, tuple[int, ...]] = {
    "small": (5, 15),
    "medium": (5, 15, 30),
    "large": (5, 15, 200),
}


def size(name: SizeName) -> Size:
    """Return the data of a size; medium is that of the issue: 1.5 GB and 0.6 GB."""
    factor = _FACTORS[name]
    return Size(
        name=name,
        databases=(
            Database("db_data_17", "db", "alt_db_user", "alt", 750 * factor),
            Database("recap_db_data", "recap-db", "recap_user", "recap", 350 * factor),
            Database(
                *("kratos_db_data", "kratos-db", "kratos_user", "kratos", 250 * factor),
                image=POSTGRESQL_15,
                recommended="1",
            ),
            Database("rag_db_data", "rag-db", "rag_user", "rag_db", 150 * factor),
        ),
        files=(
            Files("rask_log_aggregator_data", "rask-log-aggregator", 300 * factor, "text"),
            Files("oauth_token_data", "auth-token-manager", 300 * factor, "random"),
        ),
        many=_MANY[name],
    )
