"""redis-cli: Redis commands through its standard input, and their replies.

Holds how commands are quoted, sent and answered, and how a refusal is worded. Keep out: what a
dump or a drill wants to know. A password goes through standard input only.

Source: Redis documentation, "Redis CLI" (raw output, quoting), AUTH, ECHO, INFO.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from alt_backup_assets.errors import ToolFailed
from alt_backup_assets.platforms.seam import Place

_MARK = "alt-backup-answered"
# An error's reply in raw output: its code in capitals, its text, an empty line.
_REFUSED = re.compile(r"[A-Z]{2,} [^\n]*\n")
_PLAIN = re.compile(r"[A-Za-z0-9_.:*-]")

Command = Sequence[str]


@dataclass(frozen=True)
class RedisCli:
    """How one server is talked to.

    Attributes:
        place: Where redis-cli runs.
        timeout_seconds: How long one call may take.
        options: Options of redis-cli, such as a socket; never a secret.
        user: ACL user; None for the default one.
        password: Its password; None where none is needed. It is never shown.
    """

    place: Place
    timeout_seconds: float
    options: tuple[str, ...] = ()
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def ask(self, *commands: Command, database: int = 0) -> tuple[str, ...]:
        """Send commands in one connection and return the reply to each, as raw text.

        Args:
            commands: Name and arguments of each.
            database: The number of the database they are for.

        Raises:
            ToolFailed: Redis refused one, does not answer, or stopped answering.
            ToolTimeout: They were not answered in time.
            ServiceVanished: The service went away meanwhile.
        """
        before = [*self._credentials(), *([("SELECT", str(database))] if database else [])]
        asked = [*before, *commands]
        # redis-cli reports no failure by its exit code here: an answer counts with its mark only.
        lines = (f"{_line(command)}\nECHO {_MARK}\n" for command in asked)
        argv = ["redis-cli", *self.options]
        said = self.place.run(
            argv, timeout_seconds=self.timeout_seconds, stdin="".join(lines).encode()
        )
        replies = said.decode("utf-8", "replace").split(f"{_MARK}\n")
        for command, reply in zip(asked, replies, strict=False):
            if _REFUSED.match(reply):
                raise ToolFailed(
                    f"{self.place.label}: Redis refused {command[0]}:"
                    f" {self._hidden(reply.splitlines()[0])}"
                )
        if len(replies) != len(asked) + 1:
            self._explain_silence()
        return tuple(replies[len(before) : -1])

    def information(self) -> dict[str, str]:
        """Return what ``INFO`` says, by field; raises as ``ask``."""
        (reply,) = self.ask(("INFO",))
        return fields(reply)

    def _credentials(self) -> list[Command]:
        if self.password is None:
            return []
        return [("AUTH", *([self.user] if self.user else []), self.password)]

    def _hidden(self, text: str) -> str:
        return text.replace(self.password, "***") if self.password else text

    def _explain_silence(self) -> None:
        # Only a command of its arguments lets redis-cli exit with why it cannot connect.
        argv = ["redis-cli", *self.options, "PING"]
        self.place.run(argv, timeout_seconds=self.timeout_seconds)
        raise ToolFailed(
            f"{self.place.label}: Redis stopped answering in the middle: look at its log"
        )


def fields(reply: str) -> dict[str, str]:
    """Return the ``name:value`` lines of an ``INFO`` reply."""
    lines = (line.partition(":") for line in reply.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}


def _line(command: Command) -> str:
    return " ".join(_quoted(word) for word in command)


def _quoted(word: str) -> str:
    """Return an argument as redis-cli reads it: every byte that may mean more is escaped."""
    escaped = (
        char if _PLAIN.fullmatch(char) else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in word
    )
    return '"' + "".join(escaped) + '"'
