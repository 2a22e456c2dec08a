"""What is planted in a Redis dump: a stream that is one entry shorter.

A throw-away server loads the dump, drops the entry and saves again, so that the file is whole and
only its content is another one. The control is what the same server saves before that.

Source: Redis documentation, XTRIM, SAVE, and ``replica-read-only`` in redis.conf.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from functools import partial
from pathlib import Path

from alt_backup_assets.dumps.inventory import Item
from alt_backup_assets.dumps.planting import Damage, Planting, Sound
from alt_backup_assets.dumps.redis import files as redis_files
from alt_backup_assets.dumps.redis import throwaway
from alt_backup_assets.dumps.redis.cli import RedisCli
from alt_backup_assets.dumps.tree import TREE
from alt_backup_assets.errors import ToolFailed
from alt_backup_assets.platforms.seam import Platform

STREAM_SHORTENED = "stream_shortened"
FAULTS: tuple[str, ...] = (STREAM_SHORTENED,)

_SECONDS = 3600.0
# A name in plain letters: what has to be escaped in a record is left alone.
_STREAM = re.compile(r"db(?P<database>\d+) stream '(?P<key>[ -&(-\[\]-~]+)'")


def plant(sound: Sound, room: Path, platform: Platform) -> Planting:
    """Prepare a dump whose shortest stream lacks its oldest entry; see ``Planter.plant``."""
    recorded = redis_files.recorded(sound.record)
    name = recorded.settings["dbfilename"]
    rdb = sound.directory / TREE / name
    stream = _shortest(recorded.items)
    control, shorter = room / "control.rdb", room / "shorter.rdb"
    with throwaway.server(platform, sound.record, rdb) as cli:
        # It stays a replica, which does not expire the keys that were recorded.
        cli.ask(("CONFIG", "SET", "replica-read-only", "no"))
        _save(cli, control)
        if stream is not None:
            found = _STREAM.fullmatch(stream.name)
            assert found is not None, "only such streams are chosen"
            trim = ("XTRIM", found["key"], "MAXLEN", str(stream.count - 1))
            cli.ask(trim, database=int(found["database"]))
            _save(cli, shorter)
    unchanged = partial(_put, control, name)
    if stream is None:
        lacking = "the server holds no stream that has an entry and a plain name"
        return Planting(unchanged, (), {STREAM_SHORTENED: lacking})
    left = f"has {stream.count - 1} {recorded.unit}, {stream.count} were recorded"
    damage = Damage(
        STREAM_SHORTENED, f"^{re.escape(stream.name)} {left}$", partial(_put, shorter, name)
    )
    return Planting(unchanged, (damage,))


def _shortest(items: tuple[Item, ...]) -> Item | None:
    streams = [
        item
        for item in items
        if item.count and item.at_most is None and _STREAM.fullmatch(item.name)
    ]
    return min(streams, key=lambda item: item.count, default=None)


def _save(cli: RedisCli, copy: Path) -> None:
    (reply,) = cli.ask(("SAVE",))
    if reply.strip() != "OK":
        raise ToolFailed(f"{cli.place.label}: SAVE was answered with {reply[:80]!r}")
    replies = cli.ask(("CONFIG", "GET", "dir"), ("CONFIG", "GET", "dbfilename"))
    path = posixpath.join(*(reply.splitlines()[1] for reply in replies))
    with copy.open("xb") as stream:
        cli.place.run(["cat", path], timeout_seconds=_SECONDS, stdout=stream.write)


def _put(rdb: Path, name: str, directory: Path) -> None:
    shutil.copyfile(rdb, directory / TREE / name)
