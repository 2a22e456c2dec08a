"""Small critical files: what they must be, and a dump that is refused where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from alt_backup_assets.dumps.files import driver as files
from alt_backup_assets.dumps.files.content import FilesContent
from alt_backup_assets.dumps.files.content_rules import broken_rules
from alt_backup_assets.errors import DumpFailed
from alt_backup_assets.registry.volume import ContentRule
from tests.fakes.files import VOLUME, VolumeOfFiles, volume_in

SECRET = "value-nobody-may-see"
TOKEN = ContentRule(min_bytes=10, format="json", keys=("refresh_token",))


@pytest.fixture(name="volume")
def _volume(tmp_path: Path) -> VolumeOfFiles:
    return volume_in(tmp_path)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (f'{{"refresh_token": "{SECRET}"}}', TOKEN),
        (f"refresh_token: {SECRET}", TOKEN.model_copy(update={"format": "yaml"})),
        ("[1, 2, 3, 4]", ContentRule(format="json")),
        ("x", ContentRule()),
        ('{"refresh_token": 0, "a": 1}', TOKEN),
    ],
)
def test_a_file_that_is_what_it_must_be_breaks_no_rule(
    tmp_path: Path, content: str, rule: ContentRule
) -> None:
    """Size, form and keys are as the registry wants them."""
    (tmp_path / "token").write_text(content)
    assert broken_rules(tmp_path, {"token": rule}) == ()


@pytest.mark.parametrize(
    ("content", "rule", "said"),
    [
        (b"", ContentRule(), "token has 0 bytes, and must have at least 1"),
        (b'{"a": 1}', TOKEN, "token has 8 bytes, and must have at least 10"),
        (SECRET.encode(), TOKEN, "token is not JSON"),
        (b"\xff\xfe" * 10, TOKEN, "token is not JSON"),
        (b"[" * 100_000, TOKEN, "token is not JSON"),
        (
            f"a: [{SECRET}".encode(),
            TOKEN.model_copy(update={"format": "yaml"}),
            "token is not YAML",
        ),
        (f'["{SECRET}"]'.encode(), TOKEN, "token holds no mapping with refresh_token"),
        (b'{"refresh_token": ""}', TOKEN, "token has nothing under refresh_token"),
        (b'{"refresh_token": "  "}', TOKEN, "token has nothing under refresh_token"),
        (b'{"access_token": "x"}', TOKEN, "token has nothing under refresh_token"),
    ],
)
def test_a_broken_rule_is_a_sentence_without_content(
    tmp_path: Path, content: bytes, rule: ContentRule, said: str
) -> None:
    """The file and what is wrong with it are named, and nothing of what is in it."""
    (tmp_path / "token").write_bytes(content)
    assert broken_rules(tmp_path, {"token": rule}) == (said,)
    assert SECRET not in said


def test_a_file_that_is_not_there_breaks_its_rule(tmp_path: Path) -> None:
    """A missing file, a directory, and a link in its place or on the way are no file of it."""
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    for made in (tree / "directory", elsewhere):
        made.mkdir(parents=True)
    (elsewhere / "token").write_text("not in the dump")
    (tree / "link").symlink_to(elsewhere / "token")
    (tree / "way").symlink_to(elsewhere)
    rules = {name: ContentRule() for name in ("gone", "directory", "link", "way/token")}
    assert broken_rules(tree, rules) == tuple(
        f"{name} is missing, or not a plain file of the volume" for name in rules
    )


def test_a_dump_that_breaks_a_rule_is_refused(volume: VolumeOfFiles) -> None:
    """Every broken rule is told at once; a sound volume is dumped with the same rules."""
    ruled = VOLUME.model_copy(update={"contents": {"token.json": TOKEN, "gone": ContentRule()}})
    volume.write("token.json", b"")
    with pytest.raises(DumpFailed, match=r"token\.json has 0 bytes.*; gone is missing") as caught:
        files.dump(ruled, volume.platform, volume.directory)
    assert "the last good dump stays" in str(caught.value)


def test_a_dump_that_keeps_the_rules_is_taken(volume: VolumeOfFiles) -> None:
    """The rules are about the copy that was just made."""
    ruled = VOLUME.model_copy(update={"contents": {"token.json": TOKEN}})
    volume.write("token.json", f'{{"refresh_token": "{SECRET}"}}'.encode())
    content = files.dump(ruled, volume.platform, volume.directory).content
    assert isinstance(content, FilesContent)
    assert [entry.path for entry in content.entries] == ["token.json"]
