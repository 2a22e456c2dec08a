"""Commands on this machine, as one service's programs, environment and user.

Holds what a service and a throw-away target of the local platform have in common.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from alt_backup_assets.errors import ConfigurationError, ToolFailed
from alt_backup_assets.platforms.seam import Session, Sink
from alt_backup_assets.tools import process


@dataclass(frozen=True)
class LocalPlace:
    """Where commands of one service run on this machine.

    Attributes:
        label: How messages name it.
        programs: Directories put in front of PATH.
        own_env: Environment of its own.
        user: Unix user its commands run as; None for ours.
        cwd: Their working directory. Not ours: another user may not be able to enter that.
        prefix: Put in front of every command; see ``unprivileged``.
    """

    label: str
    programs: tuple[Path, ...] = ()
    own_env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    cwd: Path = Path("/")
    prefix: tuple[str, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        stdout: Sink | None = None,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run one command to its end; see ``Place.run``."""
        done = process.run(
            [*self.prefix, *argv],
            timeout_seconds=timeout_seconds,
            env=self._environment(env),
            stdin=stdin,
            stdout=stdout,
            cwd=self.cwd,
            user=self.user,
        )
        if done.exit_code != 0:
            how = process.failure(argv[0], done.exit_code, done.stderr_tail)
            raise ToolFailed(f"in {self.label}: {how}", done.exit_code)
        return done.stdout

    def open(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Session]:
        """Start a program to talk to; see ``Place.open``."""
        return process.open_session(
            [*self.prefix, *argv], env=self._environment(env), cwd=self.cwd, user=self.user
        )

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        complete = process.environment()
        if self.user is not None:
            complete |= {"HOME": pwd.getpwnam(self.user).pw_dir, "USER": self.user}
            complete.pop("TMPDIR", None)  # ours, and perhaps closed to others
        path = [*map(str, self.programs), complete.get("PATH", os.defpath)]
        return complete | {"PATH": os.pathsep.join(path)} | dict(self.own_env) | dict(extra or {})


def other_user(run_as: str | None) -> str | None:
    """Return the user to change to, or None where that is who we are already.

    Raises:
        ConfigurationError: There is no such user.
    """
    if run_as is None:
        return None
    try:
        account = pwd.getpwnam(run_as)
    except KeyError:
        raise ConfigurationError(f"run_as: no user `{run_as}` on this machine") from None
    return None if account.pw_uid == os.geteuid() else run_as


def unprivileged() -> tuple[str, ...]:
    """Return what lets root run a program that refuses to be root, without another account.

    In a user namespace our own account goes by the number of ``daemon``; files stay ours, so
    directories closed to others still work. Source: unshare(1), user_namespaces(7).
    """
    if os.geteuid() != 0:
        return ()
    other = pwd.getpwnam("daemon")
    return ("unshare", "--user", f"--map-user={other.pw_uid}", f"--map-group={other.pw_gid}")
