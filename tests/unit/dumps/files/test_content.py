"""A restored volume of files is equal to its source, or each difference is a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from alt_backup_assets.dumps.comparison import Compared
from alt_backup_assets.dumps.files.content import FileEntry, FilesContent

TOKEN = FileEntry(
    path="token.json", kind="file", size_bytes=9, mode=0o600, owner="1000:1000", content="ab12"
)
DIRECTORY = FileEntry(
    path="sub", kind="directory", size_bytes=0, mode=0o755, owner="0:0", content=""
)
LINK = FileEntry(
    path="latest", kind="link", size_bytes=0, mode=0, owner="0:0", content="token.json"
)
SOURCE = FilesContent(entries=(LINK, DIRECTORY, TOKEN))


def _restored(entry: FileEntry, **changes: object) -> FilesContent:
    entries = tuple(
        other.model_copy(update=changes) if other is entry else other for other in SOURCE.entries
    )
    return FilesContent(entries=entries)


def test_an_equal_volume_has_no_difference() -> None:
    """Nothing is found where nothing differs."""
    assert SOURCE.differences(SOURCE.model_copy(deep=True)) == ()


@pytest.mark.parametrize(
    ("entry", "changes", "sentence"),
    [
        (TOKEN, {"content": "zz"}, "token.json has other content in its 9 bytes"),
        (TOKEN, {"size_bytes": 0}, "token.json: size_bytes is 0, 9 was recorded"),
        (TOKEN, {"mode": 0o644}, "token.json: mode is 420, 384 was recorded"),
        (TOKEN, {"owner": "0:0"}, "token.json: owner is 0:0, 1000:1000 was recorded"),
        (TOKEN, {"kind": "link"}, "token.json: kind is link, file was recorded"),
        (LINK, {"content": "/etc/passwd"}, "latest has other content in its 0 bytes"),
        (LINK, {"owner": "1:1"}, "latest: owner is 1:1, 0:0 was recorded"),
        (DIRECTORY, {"mode": 0o700}, "sub: mode is 448, 493 was recorded"),
        (DIRECTORY, {"kind": "file"}, "sub: kind is file, directory was recorded"),
    ],
)
def test_what_differs_is_said(entry: FileEntry, changes: dict[str, Any], sentence: str) -> None:
    """Content, size, mode, owner, kind and a link's target, each in one sentence."""
    assert SOURCE.differences(_restored(entry, **changes)) == (sentence,)


@pytest.mark.parametrize("entry", SOURCE.entries, ids=lambda entry: entry.kind)
def test_what_is_gone_is_said(entry: FileEntry) -> None:
    """A file, a directory or a link that did not come back."""
    rest = FilesContent(entries=tuple(e for e in SOURCE.entries if e is not entry))
    assert SOURCE.differences(rest) == (f"{entry.path} is missing",)


def test_what_was_not_in_the_source_is_said() -> None:
    """A restore that brings more than was recorded is not a restore of it."""
    extra = TOKEN.model_copy(update={"path": "stranger"})
    restored = FilesContent(entries=(*SOURCE.entries, extra))
    assert SOURCE.differences(restored) == ("stranger was not in the source",)


def test_a_file_that_changed_while_it_was_read_is_not_compared() -> None:
    """It is counted, and neither its content nor its line is judged."""
    busy = TOKEN.model_copy(update={"changed": True})
    source = FilesContent(entries=(busy,))
    restored = FilesContent(entries=(TOKEN.model_copy(update={"content": "zz"}),))
    assert source.differences(restored) == ()
    assert source.compared(restored) == ()
    assert source.counts()["changed_while_read"] == 1


def test_the_table_of_a_drill_has_a_line_per_file() -> None:
    """Sizes then and now; an equal size is not equality."""
    assert SOURCE.compared(_restored(TOKEN, content="zz")) == (
        Compared(name="token.json", recorded=9, restored=9, equal=False),
    )
    assert SOURCE.compared(FilesContent(entries=())) == (
        Compared(name="token.json", recorded=9, restored=None, equal=False),
    )
    assert SOURCE.compared(SOURCE)[0].equal


def test_what_there_is_is_counted() -> None:
    """Files and their bytes; directories and links hold none."""
    assert SOURCE.counts() == {"files": 1, "bytes": 9, "changed_while_read": 0}
