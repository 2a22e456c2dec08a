"""Messages by apprise, at a real receiver: what arrives, and that no address is ever shown."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from alt_backup_assets.errors import AltBackupError, ConfigurationError, ServiceVanished
from alt_backup_assets.signals.condition import Level
from alt_backup_assets.signals.messages import Target, read_targets, send
from tests.fakes.receiver import Receiver

Secret = Callable[[str, str], Path]
TOKEN = "T0kenT0kenT0ken"


def target(receiver: Receiver) -> Target:
    """Return a target at the receiver, whose address holds a secret."""
    url = receiver.url.replace("http://", "json://") + f"/{TOKEN}"
    return Target("id", "signals.messages line 1 (json)", url)


@pytest.mark.parametrize(
    ("level", "kind"), [("good", "success"), ("warning", "warning"), ("critical", "failure")]
)
def test_a_message_arrives(receiver: Receiver, level: Level, kind: str) -> None:
    """Title, text and kind are at the receiver as they were sent."""
    send(target(receiver), "the title", "line one\nline two", level)
    (call,) = receiver.calls
    assert call.path == f"/{TOKEN}"
    said = json.loads(call.body)
    assert (said["title"], said["message"], said["type"]) == (
        "the title",
        "line one\nline two",
        kind,
    )


@pytest.mark.parametrize("answer", [(500, "no"), (404, "no"), (-1, "")])
def test_a_message_that_is_not_taken_is_an_error_without_the_address(
    receiver: Receiver, answer: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The sentence names the line in the file; the secret is in no error and no log."""
    receiver.answer = answer
    with caplog.at_level(logging.DEBUG), pytest.raises(ServiceVanished) as failed:
        send(target(receiver), "title", "text", "critical")
    assert "line 1 (json) did not take" in str(failed.value)
    assert TOKEN not in str(failed.value) + caplog.text + repr(target(receiver))


@pytest.mark.parametrize(
    "line", [f"nosuch://{TOKEN}", TOKEN, f"slack://{TOKEN}", f"mailto://{TOKEN}:"]
)
def test_what_apprise_does_not_know_is_said_without_the_address(
    secret: Secret, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An address that is none is the operator's to put right; its line is named, not shown."""
    (wrong,) = read_targets(secret("messages", f"# for the night shift\n\n{line}\n"))
    with caplog.at_level(logging.DEBUG), pytest.raises(AltBackupError) as failed:
        send(wrong, "title", "text", "critical")
    assert "signals.messages line 3" in str(failed.value)
    assert TOKEN not in str(failed.value) + caplog.text


def test_the_file_holds_an_address_a_line(secret: Secret) -> None:
    """Comments and blank lines are left out; an address given twice is one target."""
    file = secret("messages", "# first\njson://a\n\n  json://b  \njson://a\n")
    found = read_targets(file)
    assert [target.url for target in found] == ["json://a", "json://b"]
    assert len({target.id for target in found}) == 2
    assert read_targets(None) == ()


@pytest.mark.parametrize("content", ["", "# nothing yet\n"])
def test_a_file_without_an_address_is_wrong(secret: Secret, content: str) -> None:
    """Messages that go nowhere are an error of the configuration, and never "nothing to tell"."""
    with pytest.raises(ConfigurationError, match="holds no address"):
        read_targets(secret("messages", content))


def test_a_file_that_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    """So is a file that is not there, or is no text."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_targets(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it is not text"):
        read_targets(tmp_path / "binary")
