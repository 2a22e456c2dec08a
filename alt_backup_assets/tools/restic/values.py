"""What restic answers, as frozen values.

Holds the shapes of restic's JSON that somebody needs, and the parsers. Fields nobody needs are
ignored, so that a newer restic is understood too. Source: restic's manual, "Scripting".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from alt_backup_assets.errors import RepositoryError

Utc = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
NullAsNone = BeforeValidator(lambda value: () if value is None else value)
SnapshotId = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Answer(BaseModel):
    """The base of what restic answers."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Snapshot(Answer):
    """One snapshot, as the repository lists it.

    Attributes:
        id: Its full id of 64 hexadecimal digits.
        time: When the *data* was taken, aware UTC.
        host: restic's host: the platform's name.
        paths: What was saved; one path in ours.
        tags: Its tags.
        original: For a copy, the id of the snapshot it was copied from.
        total_bytes: Size of the files it holds; None where restic did not record it.
    """

    id: SnapshotId
    time: Utc
    host: str = Field(validation_alias=AliasChoices("hostname", "host"))
    paths: tuple[str, ...]
    tags: Annotated[tuple[str, ...], NullAsNone] = ()
    original: str | None = None
    total_bytes: int | None = Field(
        default=None,
        validation_alias=AliasChoices(AliasPath("summary", "total_bytes_processed"), "total_bytes"),
    )

    @property
    def short(self) -> str:
        """The first digits of its id, as restic prints them."""
        return self.id[:8]

    @property
    def lineage(self) -> str:
        """What a snapshot and all copies of it have in common."""
        return self.original or self.id


@dataclass(frozen=True)
class RetentionPlan:
    """What a policy would do; nothing is removed yet.

    Attributes:
        keep: What stays.
        remove: What goes.
        spared: Those that stay although the policy would remove them.
    """

    keep: tuple[Snapshot, ...]
    remove: tuple[Snapshot, ...]
    spared: tuple[Snapshot, ...] = ()

    @property
    def listed(self) -> tuple[Snapshot, ...]:
        """All there is before anything is removed; what stays comes last."""
        return (*self.remove, *self.keep)


class CheckReport(Answer):
    """A check without any error.

    Attributes:
        read_data_subset: The part of the data that was read; None for structure only.
        suggest_repair_index: restic advises to repair the index.
        suggest_prune: restic advises to prune.
    """

    read_data_subset: str | None = None
    suggest_repair_index: bool = False
    suggest_prune: bool = False


class BackupSummary(Answer):
    """The last line of ``backup --json``."""

    snapshot_id: SnapshotId
    total_bytes_processed: int | None = None


class CheckSummary(Answer):
    """The last line of ``check --json`` (restic 0.18 and newer)."""

    num_errors: int
    suggest_repair_index: bool = False
    suggest_prune: bool = False


class RestoreSummary(Answer):
    """The last line of ``restore --json``; what is zero is left out of it."""

    total_files: int = 0
    files_restored: int = 0
    total_bytes: int = 0
    bytes_restored: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all that was to be restored was."""
        wanted = (self.total_files, self.total_bytes)
        return (self.files_restored, self.bytes_restored) == wanted


class Statistics(Answer):
    """The answer of ``stats --mode raw-data``."""

    total_size: int


class Version(Answer):
    """The answer of ``version`` (JSON since restic 0.17)."""

    version: str


class _Group(Answer):
    keep: Annotated[tuple[Snapshot, ...], NullAsNone] = ()
    remove: Annotated[tuple[Snapshot, ...], NullAsNone] = ()


class _Message(Answer):
    message_type: str = ""


_SNAPSHOTS: TypeAdapter[list[Snapshot] | None] = TypeAdapter(list[Snapshot] | None)
_GROUPS: TypeAdapter[list[_Group] | None] = TypeAdapter(list[_Group] | None)
_A = TypeVar("_A", bound=Answer)


def snapshots(output: bytes) -> tuple[Snapshot, ...]:
    """Read a listing, oldest data first.

    Raises:
        RepositoryError: It is not one.
    """
    try:
        listed = _SNAPSHOTS.validate_json(output) or []
    except ValidationError as error:
        raise _not_understood("snapshots", error) from None
    return tuple(sorted(listed, key=lambda snapshot: (snapshot.time, snapshot.id)))


def plan(output: bytes) -> RetentionPlan:
    """Read a dry run of ``forget``.

    Raises:
        RepositoryError: It is not one.
    """
    try:
        groups = _GROUPS.validate_json(output) or []
    except ValidationError as error:
        raise _not_understood("forget --dry-run", error) from None
    return RetentionPlan(
        keep=tuple(snapshot for group in groups for snapshot in group.keep),
        remove=tuple(snapshot for group in groups for snapshot in group.remove),
    )


def answer(output: bytes, kind: type[_A], command: str) -> _A:
    """Read one JSON object.

    Raises:
        RepositoryError: It is not one of this kind.
    """
    try:
        return kind.model_validate_json(output)
    except ValidationError as error:
        raise _not_understood(command, error) from None


def summary(output: bytes, kind: type[_A], command: str) -> _A | None:
    """Find the summary among the lines of a command; None where there is none.

    Lines that are no JSON objects are text for people and passed over.

    Raises:
        RepositoryError: A line that begins as a JSON object is not a whole one.
    """
    for line in reversed(output.splitlines()):
        if line.startswith(b"{") and answer(line, _Message, command).message_type == "summary":
            return answer(line, kind, command)
    return None


def require_summary(output: bytes, kind: type[_A], command: str) -> _A:
    """Find the summary among the lines of a command.

    Raises:
        RepositoryError: There is none, so that nobody knows what was done.
    """
    found = summary(output, kind, command)
    if found is None:
        raise RepositoryError(f"restic {command} ended with 0 and without its summary")
    return found


def _not_understood(command: str, error: ValidationError) -> RepositoryError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    problem = f"{where}: {first['msg']}" if where else first["msg"]
    return RepositoryError(f"the answer of restic {command} cannot be understood: {problem}")
