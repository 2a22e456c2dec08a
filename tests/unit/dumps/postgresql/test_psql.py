"""A psql session: answers end at a marker, and everything that is no answer is an error."""

from __future__ import annotations

import pytest

from alt_backup_assets.dumps.postgresql.psql import Psql, connect
from alt_backup_assets.errors import ServiceVanished, ToolFailed, ToolTimeout
from tests.fakes.platform import Answer, FakePlace
from tests.fakes.postgresql import answering, marker


def _execute(sql: str, answer: Answer) -> list[str]:
    place = FakePlace("db")
    place.script("psql", answers=[answer])
    with place.open(["psql"]) as session:
        return Psql(session, timeout_seconds=5).execute(sql)


def test_an_answer_ends_at_its_marker() -> None:
    """The lines before it, and none of it."""
    assert _execute("SELECT 1", Answer(reply=answering(b"1", b"", b"two"))) == ["1", "", "two"]


def test_no_line_is_an_answer_too() -> None:
    """A statement that prints nothing has succeeded when its marker comes."""
    assert _execute("SET x = 1", Answer(reply=answering())) == []


def test_a_statement_is_ended_and_then_the_marker_asked_for() -> None:
    """On lines of their own, so that a comment at the end of the statement hides neither."""
    said: list[bytes] = []

    def reply(data: bytes) -> bytes:
        said.append(data)
        return marker(data)

    _execute("SELECT 1 -- one", Answer(reply=reply))
    assert said[0].startswith(b"SELECT 1 -- one\n;\n\\echo end-of-answer-")


def test_a_marker_of_another_session_is_a_line() -> None:
    """Data cannot end an answer: nobody can guess the marker."""
    assert _execute("SELECT 1", Answer(reply=answering(b"end-of-answer-0123456789abcdef"))) == [
        "end-of-answer-0123456789abcdef"
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(reply=lambda _said: b"", exit_code=3, stderr="ERROR: no such table"), ToolFailed),
        (Answer(reply=lambda _said: b"", too_slow=True), ToolTimeout),
        (Answer(reply=lambda _said: b""), ToolTimeout),
        (Answer(reply=lambda _said: b"", vanish=True), ServiceVanished),
        (Answer(reply=lambda _said: b"1\n2\n", exit_code=3), ToolFailed),
        (Answer(reply=lambda _said: b"half a li", exit_code=137), ToolFailed),
    ],
    ids=["statement failed", "too slow", "silent", "vanished", "ended between", "ended within"],
)
def test_an_answer_without_its_marker_is_an_error(answer: Answer, error: type[Exception]) -> None:
    """The end of the stream is never the end of an answer."""
    with pytest.raises(error):
        _execute("SELECT 1", answer)


def test_rows_come_by_column_name() -> None:
    """As JSON, so that every value is told from every other."""
    place = FakePlace("db")
    place.script(
        "psql", answers=[Answer(reply=answering(b'{"a":1,"b":"x\\ny"}', b'{"a":2,"b":null}'))]
    )
    with place.open(["psql"]) as session:
        rows = Psql(session, timeout_seconds=5).rows("SELECT a, b FROM t")
    assert rows == [{"a": 1, "b": "x\ny"}, {"a": 2, "b": None}]
    assert place.calls[0].stdin.startswith(
        b"SELECT pg_catalog.row_to_json(answer) FROM (SELECT a, b FROM t) AS answer"
    )


def test_a_connection_has_the_settings_of_the_fingerprint() -> None:
    """Equal values must have equal text on every server, and no time-out may end the dump."""
    place = FakePlace("db")
    place.script("psql", answers=[Answer(reply=answering())])
    with connect(place, "u", "alt", env={"PGPORT": "1"}, timeout_seconds=5):
        pass
    (call,) = place.calls
    assert call.argv[-4:] == ("-U", "u", "-d", "alt")
    assert call.env == {"PGPORT": "1"}
    for setting in (
        b"extra_float_digits = 3",
        b"DateStyle = 'ISO, YMD'",
        b"TimeZone = 'UTC'",
        b"IntervalStyle = 'postgres'",
        b"bytea_output = 'hex'",
        b"search_path = ''",
        b"row_security = off",
        b"statement_timeout = 0",
        b"idle_in_transaction_session_timeout = 0",
    ):
        assert setting in call.stdin


def test_a_connection_that_is_refused_is_an_error() -> None:
    """Before anything is yielded."""
    place = FakePlace("db")
    refused = Answer(reply=lambda _said: b"", exit_code=2, stderr="FATAL: no such role")
    place.script("psql", answers=[refused])
    with (
        pytest.raises(ToolFailed, match="no such role"),
        connect(place, "u", "alt", env={}, timeout_seconds=5),
    ):
        pytest.fail("there is no connection")
