"""Strict YAML: what is refused, and that file and line are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.errors import ConfigurationError
from alt_backup_assets.tools.yaml import read_mapping


def _written(directory: Path, content: str | bytes) -> Path:
    path = directory / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(path)
    return str(caught.value)


def test_a_mapping_is_read_with_its_plain_values(tmp_path: Path) -> None:
    """Numbers, truth and null are values; everything else a person writes is text."""
    path = _written(
        tmp_path,
        "a: 1\nb: 2.5\nc: true\nd: null\ne:\nf: no\ng: 2027-05-31\nh: 12:30\ni: 0777\nj: 'true'\n"
        "k: [x, -3]\nl: 99999999999999999999\n",
    )
    assert read_mapping(path) == {
        "a": 1,
        "b": 2.5,
        "c": True,
        "d": None,
        "e": None,
        "f": "no",
        "g": "2027-05-31",
        "h": "12:30",
        "i": "0777",
        "j": "true",
        "k": ["x", -3],
        "l": "99999999999999999999",
    }


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    """An anchor may be used again, and a merged field may be written over without being twice."""
    path = _written(
        tmp_path, "a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  <<: *b\n  y: 4\nd: *b\n"
    )
    assert read_mapping(path) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 4},
        "d": {"x": 1, "y": 3},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ": the file is empty"),
        ("# only a comment\n", ": the file is empty"),
        ("- a\n- b\n", ": must be a mapping of fields, not a list"),
        ("just text\n", ": must be a mapping of fields, not text"),
        ("42\n", ": must be a mapping of fields, not a number"),
        ("a: 1\nb: 2\na: 3\n", ":3: `a` is there twice, first in line 1"),
        ("a: {x: 1, x: 2}\n", ":1: `x` is there twice, first in line 1"),
        ("list:\n  - k: 1\n    k: 2\n", ":3: `k` is there twice, first in line 2"),
        ("a: &x {k: 1}\nb:\n  <<: *x\n  <<: *x\n", ":4: `<<` is there twice, first in line 3"),
        ("a: 1\n7: b\n", ":2: a key must be text; put it in quotes"),
        ("a: 1\n[b]: c\n", ":2: a key must be text; put it in quotes"),
        ("a: !!python/name:os.system\n", ":1: tags such as"),
        ("a: 1\nb: !!int x\n", ":2: tags such as `tag:yaml.org,2002:int` are not used here"),
        ("a: [1\nb: 2\n", ":2: this is not YAML: "),
        ("a: 1\n\tb: 2\n", ":2: this is not YAML: found character '\\t'"),
        ("a: *nowhere\n", ":1: this is not YAML: found undefined alias 'nowhere'"),
        ("a: 1\n---\nb: 2\n", ":2: this is not YAML: but found another document"),
        ("a:\n  <<: 5\n", ":2: this is not YAML: expected a mapping"),
        ("a: 1\nb: \x07\n", ":2: control characters are not allowed"),
        (b"a: 1\nb: \xff\n", ":2: this is not UTF-8"),
    ],
)
def test_what_is_not_one_clear_mapping_is_refused(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    """A file that can be misread is refused, with the file and the line where there is one."""
    path = _written(tmp_path, content)
    assert _refusal(path).startswith(f"{path}{said}")


def test_a_list_that_holds_itself_is_read_without_end(tmp_path: Path) -> None:
    """An anchor inside itself does not send the check round in circles."""
    assert list(read_mapping(_written(tmp_path, "a: &a [*a]\n"))) == ["a"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is an error of its own."""
    path = tmp_path / "none.yaml"
    assert _refusal(path) == f"{path}: there is no such file"


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    """A directory is said to be one."""
    assert _refusal(tmp_path) == f"{tmp_path}: this is a directory, not a file"


def test_an_unreadable_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Whatever the system says about reading it is passed on."""
    path = tmp_path / "loop.yaml"
    path.symlink_to(path)
    assert _refusal(path).startswith(f"{path}: cannot be read: Too many levels")
