"""What must survive, as frozen values.

Holds one value per registry entry, and which settings go together. Loading is in ``load``. Add
an engine's name and the settings it takes here; its driver is in ``dumps``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.registry.fields import (
    Compression,
    DatabaseName,
    Day,
    Duration,
    Passfile,
    PathInside,
    Pattern,
    VolumeName,
)
from alt_backup_assets.values import Frozen, LocatedPath, Name, Url, near_miss

Category = Literal["critical", "data", "search", "metrics", "models"]
Profile = Literal["db", "essential", "all"]
Engine = Literal[
    "postgresql", "files", "meilisearch", "clickhouse", "redis", "prometheus", "grafana", "tar"
]

PROFILES: dict[Profile, frozenset[Category]] = {
    "db": frozenset({"critical"}),
    "essential": frozenset({"critical", "data", "search"}),
    "all": frozenset({"critical", "data", "search", "metrics", "models"}),
}

_DATABASE_SETTINGS = ("databases", "user")
_NEEDED: dict[str, tuple[str, ...]] = {
    "postgresql": _DATABASE_SETTINGS,
    "clickhouse": _DATABASE_SETTINGS,
}
# Where every file of a dump is compared, or there is only one, an exclude could only lose some.
_TAKEN: dict[str, tuple[str, ...]] = {
    "postgresql": (*_DATABASE_SETTINGS, "passfile", "compression"),
    "clickhouse": (*_DATABASE_SETTINGS, "url", "password_file", "exclude"),
    "redis": ("user", "password_file", "exclude"),
    "meilisearch": (
        *("url", "password_file", "snapshots"),
        *("poll_seconds", "task_timeout_seconds", "exclude"),
    ),
    "prometheus": ("url", "exclude"),
    "files": ("contents", "exclude"),
    "grafana": (),
    "tar": (),
}
_OF_ENGINES = (
    *("databases", "user", "passfile", "compression", "exclude"),
    *("url", "password_file", "snapshots", "poll_seconds", "task_timeout_seconds", "contents"),
)


class RecoveryPointObjective(Frozen):
    """How old the newest data of a volume may be before somebody must hear of it."""

    model_config = ConfigDict(validate_default=True)

    warn: Duration = timedelta(hours=25)
    fail: Duration = timedelta(hours=50)

    @field_validator("fail")
    @classmethod
    def _after_the_warning(cls, fail: timedelta, info: ValidationInfo) -> timedelta:
        if (warn := info.data.get("warn")) is not None and fail <= warn:
            hours = warn.total_seconds() / 3600
            raise ValueError(f"must be longer than `warn`, which is {hours:g}h")
        return fail


class Exclusion(Frozen):
    """Why a volume is not backed up, and when that is to be looked at again."""

    reason: str = Field(min_length=3)
    review: Day


class ContentRule(Frozen):
    """What a small critical file must be, so that an emptied one never becomes the last good one.

    Attributes:
        min_bytes: Its smallest size.
        format: What it must parse as; None for anything, or for JSON where ``keys`` are given.
        keys: Keys the parsed mapping must have, each with a value that is not empty.
    """

    min_bytes: int = Field(default=1, ge=1)
    format: Literal["json", "yaml"] | None = None
    keys: tuple[str, ...] = ()


class Entry(Frozen):
    """What the registry says about one volume.

    Attributes:
        service: The Compose service that owns it.
        category: Chooses the profiles it belongs to.
        engine: The driver that dumps it; None where it is excluded.
        excluded: Set where it is deliberately not backed up.
        major: The engine's major version the operator expects, for the table only.
        databases: Databases of a database engine.
        user: The engine's user.
        passfile: Path of a libpq password file *inside the service*, where its local socket
            does not let the user in without one.
        password_file: File on this machine with the password or key of the engine's interface.
        url: Where the engine's HTTP interface answers; None for its usual port at the service.
        snapshots: Where in the volume Meilisearch writes its snapshots.
        poll_seconds: How often a task of Meilisearch is asked for.
        task_timeout_seconds: How long a task of Meilisearch may take.
        contents: What small critical files of a volume of files must be, by path.
        compression: pg_dump's ``--compress``: "6" as the decision record says; "zstd:3" takes half
            the time (PostgreSQL 16 and newer); with "0" the repository grows least from day to
            day, and the dump on the disk is as large as its data.
        rpo: Recovery point objective; drives freshness and verdict.
        keep_dumps_days: How long dumps stay on disk beside their snapshots.
        exclude: restic exclude patterns that belong to this engine.
        timeout_minutes: How long the dump, and each step of a drill, may take.
    """

    model_config = ConfigDict(validate_default=True)

    service: Name
    category: Category
    engine: Engine | None = None
    excluded: Exclusion | None = None
    major: int | None = Field(default=None, ge=1)
    databases: tuple[DatabaseName, ...] = ()
    user: DatabaseName | None = None
    passfile: Passfile | None = None
    password_file: LocatedPath | None = None
    url: Url | None = None
    snapshots: PathInside = "snapshots"
    poll_seconds: float = Field(default=5, gt=0, allow_inf_nan=False)
    task_timeout_seconds: float = Field(default=120, gt=0, allow_inf_nan=False)
    contents: dict[PathInside, ContentRule] = Field(default_factory=dict)
    compression: Compression = "6"
    rpo: RecoveryPointObjective = RecoveryPointObjective()
    keep_dumps_days: int = Field(default=7, ge=0)
    exclude: tuple[Pattern, ...] = ()
    timeout_minutes: int = Field(default=120, ge=1)

    @field_validator("excluded")
    @classmethod
    def _planned_or_excluded(
        cls, excluded: Exclusion | None, info: ValidationInfo
    ) -> Exclusion | None:
        if "engine" in info.data and (info.data["engine"] is None) == (excluded is None):
            wrong = "is missing, and so is `engine`" if excluded is None else "is beside `engine`"
            raise ValueError(f"{wrong}: a volume is either planned or excluded with a reason")
        return excluded

    @field_validator("databases")
    @classmethod
    def _each_once(cls, databases: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(databases)) < len(databases):
            raise ValueError("must name each database once")
        return databases

    @field_validator(*_OF_ENGINES)
    @classmethod
    def _fits_engine(cls, value: object, info: ValidationInfo) -> object:
        engine, field = info.data.get("engine"), str(info.field_name)
        if engine is None:
            return value
        if value == cls.model_fields[field].get_default(call_default_factory=True):
            if field in _NEEDED.get(engine, ()):
                raise ValueError(f"is missing: the engine `{engine}` needs it")
        elif field not in _TAKEN.get(engine, ("exclude",)):
            raise ValueError(f"is not for the engine `{engine}`")
        return value


class Volume(Entry):
    """One volume of the platform: its registry entry, under its exact name."""

    name: VolumeName


class Registry(Frozen):
    """Every volume of the platform, in the order of the file."""

    source: str
    volumes: tuple[Volume, ...]

    @property
    def planned(self) -> tuple[Volume, ...]:
        """The volumes that are backed up."""
        return tuple(volume for volume in self.volumes if volume.excluded is None)

    def unplanned_on(self, day: date) -> tuple[Volume, ...]:
        """Return the excluded volumes whose review date has passed."""
        return tuple(v for v in self.volumes if v.excluded and v.excluded.review < day)

    def volume(self, name: str) -> Volume:
        """Return the volume of exactly this name.

        Raises:
            ConfigurationError: There is none; the nearest name is in the message.
        """
        for volume in self.volumes:
            if volume.name == name:
                return volume
        near = near_miss(name, (volume.name for volume in self.volumes))
        raise ConfigurationError(f"`{name}` is not a volume of {self.source}{near}")

    def select(
        self,
        profile: Profile | None = None,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> tuple[Volume, ...]:
        """Choose the planned volumes of a run, in the order of the file.

        Args:
            profile: Those of its categories; None for all, or for none where some are included.
            include: Names to add.
            exclude: Names to leave out, included or not.

        Raises:
            ConfigurationError: A name is not in the registry, an included one is excluded
                there, or nothing is left: a run that attempts nothing must not look good.
        """
        added = [self.volume(name) for name in include]
        removed = {self.volume(name).name for name in exclude}
        for volume in added:
            if volume.excluded is not None:
                raise ConfigurationError(
                    f"`{volume.name}` cannot be included: {self.source} excludes it "
                    f"({volume.excluded.reason})"
                )
        if profile is not None and profile not in PROFILES:
            near = near_miss(profile, PROFILES)
            raise ConfigurationError(f"the profile must be one of {', '.join(PROFILES)}{near}")
        nothing: frozenset[Category] = frozenset()
        categories = PROFILES[profile or "all"] if profile or not added else nothing
        chosen = tuple(
            volume
            for volume in self.planned
            if (volume.category in categories or volume in added) and volume.name not in removed
        )
        if not chosen:
            raise ConfigurationError(f"no volume of {self.source} is left to work on")
        return chosen
