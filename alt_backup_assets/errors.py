"""Every error this package raises.

Holds the tree and nothing else. Add a class here when a caller must tell it apart; keep
messages with remedies at the place that raises.

::

    AltBackupError
    ├── ConfigurationError        the operator's files are wrong (exit code 64)
    ├── ToolError                 an outside program did not do its work
    │   ├── ToolMissing           the program, or a new enough one, is not there
    │   ├── ToolFailed            it ran and exited with an error
    │   └── ToolTimeout           it did not end in its time
    ├── PlatformError             a service or a volume of the platform
    │   ├── ServiceNotFound       no such service, container, or more than one
    │   ├── ServiceVanished       it went away while it was used
    │   ├── VolumeUnreadable      the volume's files cannot be read from here
    │   └── NotEnoughSpace        refused before anything was written
    ├── RepositoryError           a restic repository
    │   ├── RepositoryMissing     there is none at this place
    │   ├── RepositoryLocked      somebody else holds it
    │   ├── WrongPassword         the password file does not open it
    │   ├── RepositoryUnreachable it does not answer
    │   └── SnapshotIncomplete    restic saved only a part
    ├── DumpError                 a dump was not made; the last good one stays
    │   ├── EngineNotSupported    no driver for this engine yet
    │   ├── DumpFailed            the engine said no, or wrote too little
    │   ├── NoDump                there is nothing to take a snapshot of
    │   └── DayIsOver             a past day cannot be dumped today
    ├── SnapshotError             a snapshot or a copy could not be confirmed
    │   ├── NoSnapshot            nothing to copy or to drill
    │   ├── CopyUnconfirmed       the copy is not in the other listing
    │   └── RetentionUnsafe       forgetting was refused or went wrong
    ├── RestoreError              nothing was replaced, or the message says what was
    │   ├── RestoreRefused        pre-flight said no; nothing was touched
    │   └── RestoreFailed         it was tried; the message says what is there now
    ├── ArchiveError              a tar.gz cannot be read to its end, or leads outside
    ├── OldBackupError            a backup of the former system cannot be used
    ├── DrillError                a restore drill could not come to a verdict
    ├── LedgerError               the proof ledger cannot be read
    ├── VolumeBusy                another run works on this volume
    └── VolumesFailed             some volumes of a run failed; it names all of them

``Transient`` marks the ones that may be gone a moment later; only these are tried again:
``ServiceVanished``, ``RepositoryLocked`` and ``RepositoryUnreachable``.
"""

from __future__ import annotations

from collections.abc import Mapping


class AltBackupError(Exception):
    """Anything that keeps a volume from being backed up or proved."""


class Transient(AltBackupError):
    """A failure that may be gone a moment later."""


class ConfigurationError(AltBackupError):
    """The configuration or the registry is wrong; the message names file and field."""


class ToolError(AltBackupError):
    """An outside program did not do its work."""


class ToolMissing(ToolError):
    """A program is not installed, or is too old."""


class ToolFailed(ToolError):
    """A program exited with an error.

    Args:
        message: What was tried and what the program said last.
        exit_code: The program's exit code; None where it could not be learnt.
    """

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ToolTimeout(ToolError):
    """A program did not end within its time and was stopped."""


class PlatformError(AltBackupError):
    """A service or a volume of the platform cannot be used."""


class ServiceNotFound(PlatformError):
    """No running container or process stands for this service, or several do."""


class ServiceVanished(PlatformError, Transient):
    """The service went away while a command ran in it."""


class VolumeUnreadable(PlatformError):
    """The files of a volume cannot be read from here."""


class NotEnoughSpace(PlatformError):
    """There is too little free space; nothing was written."""


class RepositoryError(AltBackupError):
    """A restic repository did not do what was asked."""


class RepositoryMissing(RepositoryError):
    """No repository is initialised at this place (restic's exit code 10)."""


class RepositoryLocked(RepositoryError, Transient):
    """The repository is locked by another process (restic's exit code 11)."""


class WrongPassword(RepositoryError):
    """The password file does not open the repository (restic's exit code 12)."""


class RepositoryUnreachable(RepositoryError, Transient):
    """The repository's place does not answer."""


class SnapshotIncomplete(RepositoryError):
    """restic could not read every file (exit code 3); what it saved is kept."""


class DumpError(AltBackupError):
    """A dump was not made. Nothing partial stays, and the last good dump stays."""


class EngineNotSupported(DumpError):
    """The registry names an engine that has no driver yet."""


class DumpFailed(DumpError):
    """The engine reported an error, or what it wrote cannot be a dump."""


class NoDump(DumpError):
    """A snapshot was asked for, and there is no dump to take it of."""


class DayIsOver(DumpError):
    """A dump or snapshot was asked for a backup day that is not today."""


class SnapshotError(AltBackupError):
    """A snapshot or a copy of one could not be confirmed."""


class NoSnapshot(SnapshotError):
    """There is no snapshot to copy or to drill."""


class CopyUnconfirmed(SnapshotError):
    """A copied snapshot does not show in the offsite listing."""


class RetentionUnsafe(SnapshotError):
    """Forgetting snapshots was refused, or the listing afterwards is not the plan."""


class RestoreError(AltBackupError):
    """A volume was not brought back."""


class RestoreRefused(RestoreError):
    """Pre-flight said no: nothing was stopped, replaced or removed."""


class RestoreFailed(RestoreError):
    """Bringing a volume back went wrong; the message says what the target holds now."""


class ArchiveError(AltBackupError):
    """A tar.gz is cut, damaged, or a member of it leads outside."""


class OldBackupError(AltBackupError):
    """A backup of the former system is damaged, incomplete or of an unknown kind."""


class DrillError(AltBackupError):
    """A restore drill failed before anything could be compared."""


class LedgerError(AltBackupError):
    """The ledger of proofs cannot be read or is damaged."""


class VolumeBusy(AltBackupError):
    """Another run is working on this volume right now."""


class VolumesFailed(AltBackupError):
    """Some volumes failed; the others are done.

    Args:
        stage: What was being done, such as "backup".
        failures: The message of each failed volume, by name.
    """

    def __init__(self, stage: str, failures: Mapping[str, str]) -> None:
        listing = "\n".join(f"  {name}: {message}" for name, message in failures.items())
        super().__init__(f"{stage} failed for {len(failures)} volume(s):\n{listing}")
        self.failures = dict(failures)
