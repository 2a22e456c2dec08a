"""Messages to people, by whatever service apprise knows.

The addresses hold tokens: they come from a file, and neither they nor what apprise logs of them
is ever shown. Keep out: what is worth a message, and whether it was sent before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from alt_backup_assets.errors import ConfigurationError, ServiceVanished
from alt_backup_assets.signals.condition import Level
from alt_backup_assets.tools.silence import silenced_libraries

_KINDS: dict[Level, str] = {"good": "success", "warning": "warning", "critical": "failure"}


@dataclass(frozen=True)
class Target:
    """One address messages go to.

    Attributes:
        id: Tells it from the others without telling what it is.
        label: How sentences name it: the kind of service and its line in the file.
        url: The address; a secret.
    """

    id: str
    label: str
    url: str = field(repr=False)


def read_targets(file: Path | None) -> tuple[Target, ...]:
    """Read the addresses, one a line; lines that begin with ``#`` say something else.

    Raises:
        ConfigurationError: The file cannot be read, or holds no address.
    """
    if file is None:
        return ()
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"signals.messages: {file} cannot be read: {why}") from None
    found = {
        line: Target(hashlib.sha256(line.encode()).hexdigest()[:16], _label(number, line), line)
        for number, line in enumerate(lines, start=1)
        if line and not line.startswith("#")
    }
    if not found:
        raise ConfigurationError(f"signals.messages: {file} holds no address")
    return tuple(found.values())


def send(target: Target, title: str, text: str, level: Level) -> None:
    """Send one message.

    Raises:
        ConfigurationError: Apprise knows no service for the address.
        ServiceVanished: It was not delivered.
    """
    import apprise  # noqa: PLC0415 -- slow to import, and only needed where something is wrong

    with silenced_libraries():
        service = apprise.Apprise()
        if not service.add(target.url):
            raise ConfigurationError(f"{target.label} is not an address that apprise knows")
        kind = apprise.NotifyType(_KINDS[level])
        delivered = service.notify(
            title=title, body=text, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
        )
    if not delivered:
        raise ServiceVanished(f"{target.label} did not take a message")


def _label(number: int, line: str) -> str:
    kind, known, _ = line.partition("://")
    return f"signals.messages line {number}" + (f" ({kind})" if known and kind.isalnum() else "")
