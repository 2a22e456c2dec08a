"""How commands go to redis-cli, and how their replies are read."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.redis.cli import RedisCli, fields
from alt_backup_assets.errors import ToolFailed
from tests.fakes.platform import Answer, FakePlace

MARK = b"alt-backup-answered\n"


def _cli(place: FakePlace) -> RedisCli:
    return RedisCli(place, 5.0, user="backup", password="s e'cret")


def test_every_command_is_answered_in_its_place() -> None:
    """Credentials and the database go first, quoted, on standard input alone."""
    place = FakePlace("redis")
    replies = (b"OK\n", b"OK\n", b"1\n", b"a\nb\n")
    place.script("redis-cli", answers=(Answer(b"".join(r + MARK for r in replies)),))
    assert _cli(place).ask(("DBSIZE",), ("GET", 'a "é\n'), database=2) == ("1\n", "a\nb\n")
    (call,) = place.calls
    assert (call.argv, dict(call.env)) == (("redis-cli",), {})
    assert call.stdin.decode().splitlines()[::2] == [
        r'"AUTH" "backup" "s\x20e\x27cret"',
        '"SELECT" "2"',
        '"DBSIZE"',
        r'"GET" "a\x20\x22\xc3\xa9\x0a"',
    ]
    assert "s e'cret" not in repr(_cli(place))


def test_a_refusal_is_an_error() -> None:
    """Though redis-cli exits with 0, and never with the password in the message."""
    place = FakePlace("redis")
    said = b"OK\n" + MARK + b"NOPERM s e'cret may not\n\n" + MARK
    place.script("redis-cli", answers=(Answer(said),))
    with pytest.raises(ToolFailed, match=r"redis: Redis refused BGSAVE: NOPERM \*\*\* may not"):
        _cli(place).ask(("BGSAVE",))


def test_no_answer_is_an_error() -> None:
    """A server that is not there is named by redis-cli's own words."""
    place = FakePlace("redis")
    place.script("redis-cli")
    place.script("redis-cli", "PING", answers=(Answer(exit_code=1, stderr="Could not connect"),))
    with pytest.raises(ToolFailed, match="Could not connect"):
        _cli(place).ask(("BGSAVE",))


def test_an_answer_that_is_cut_is_an_error() -> None:
    """A reply counts only with the mark behind it."""
    place = FakePlace("redis")
    place.script("redis-cli", answers=(Answer(b"OK\n" + MARK + b"12"),))
    with pytest.raises(ToolFailed, match="stopped answering"):
        _cli(place).ask(("DBSIZE",))


def test_the_fields_of_information() -> None:
    """Headings are left out and values may hold colons."""
    assert fields("# Server\r\nredis_version:7.0.15\r\nexe:a:b\r\n\r\n") == {
        "redis_version": "7.0.15",
        "exe": "a:b",
    }
