"""Proposes registry entries for volumes nobody planned, for somebody to review.

What is guessed says so: an engine from the image, a category from the engine. A password is
never looked at. Keep out: writing anything.
"""

from __future__ import annotations

import re

import yaml
from pydantic import JsonValue

from alt_backup_assets.drift.judge import may_be_unlisted
from alt_backup_assets.drift.match import match
from alt_backup_assets.platforms.live_volumes import PlatformVolume
from alt_backup_assets.site import Site
from alt_backup_assets.values import Frozen

_ENGINES = {
    "postgres": ("postgresql", "critical"),
    "redis": ("redis", "data"),
    "valkey": ("redis", "data"),
    "clickhouse": ("clickhouse", "data"),
    "meilisearch": ("meilisearch", "search"),
    "prometheus": ("prometheus", "metrics"),
    "grafana": ("grafana", "metrics"),
}
"""Engine and category by a word of the image's name."""
_UNKNOWN = ("files", "data")
_DECIDE = "FIXME"


class Entry(Frozen):
    """A proposed entry.

    Attributes:
        name: Its volume.
        entry: As it would stand in the registry.
        decide: What a human has to decide, as sentences.
    """

    name: str
    entry: dict[str, JsonValue]
    decide: tuple[str, ...]


class Proposal(Frozen):
    """What the registry lacks, and what it has too much.

    Attributes:
        missing: Entries for volumes nobody planned.
        unnamed: Anonymous volumes: no entry can name them.
        stale: Entries without a volume.
    """

    missing: tuple[Entry, ...]
    unnamed: tuple[str, ...]
    stale: tuple[str, ...]


def propose(site: Site) -> Proposal:
    """Propose entries for the platform's volumes the registry does not know.

    Raises:
        PlatformError: The platform does not answer.
        ToolError: What is declared cannot be read.
    """
    listed = site.platform.list_volumes()
    matched = match(site.registry.volumes, listed.volumes)
    return Proposal(
        missing=tuple(_entry(volume) for volume in matched.unknown if not volume.anonymous),
        unnamed=tuple(volume.name for volume in matched.unknown if volume.anonymous),
        stale=tuple(
            entry.name
            for entry in site.registry.volumes
            if entry.name not in matched.by_entry and not may_be_unlisted(entry, listed)
        ),
    )


def as_yaml(proposal: Proposal) -> str:
    """Return a proposal as lines for the registry's file, with comments where to decide."""
    lines = ["volumes:" if proposal.missing else "# Every volume is planned or excluded."]
    for proposed in proposal.missing:
        lines += [f"  # {sentence}" for sentence in proposed.decide]
        text = yaml.safe_dump({proposed.name: proposed.entry}, sort_keys=False, allow_unicode=True)
        lines += [f"  {line}" for line in text.splitlines()]
    lines += [
        f"# {name} has no name of its own: declare it in the compose file, then propose again."
        for name in proposal.unnamed
    ]
    lines += [
        f"# {name} is in the registry, and no such volume is declared or there: remove it?"
        for name in proposal.stale
    ]
    return "\n".join(lines)


def _entry(volume: PlatformVolume) -> Entry:
    services = sorted({mount.service for mount in volume.mounts})
    images = sorted({mount.image for mount in volume.mounts if mount.image})
    image = next((mount.image for mount in volume.mounts if mount.image), "")
    declares_one = any(mount.environment for mount in volume.mounts)
    engine, category = _ENGINES["postgres"] if declares_one else _guess(image)
    entry: dict[str, JsonValue] = {
        "service": services[0] if services else _DECIDE,
        "engine": engine,
        "category": category,
    }
    known = f"guessed from the image {', '.join(images)}" if images else "a mere guess"
    decide = [f"engine and category are {known}: right? Or is it to be excluded?"]
    if len(services) != 1:
        who = f"{', '.join(services)} mount it" if services else "no service is known to mount it"
        decide.append(f"{who}: which service owns it?")
    if engine in {"postgresql", "clickhouse"}:
        _add_databases(entry, volume, decide)
    return Entry(name=volume.name, entry=entry, decide=tuple(decide))


def _guess(image: str) -> tuple[str, str]:
    name = image.partition("@")[0].lower()
    # Not an exporter or an operator of one: only the image of that very name, or its own forms.
    last = re.sub(r":[^/]*$", "", name).rpartition("/")[2]
    for word, guess in _ENGINES.items():
        if re.fullmatch(rf"{word}(ql)?(-server|-oss|-enterprise|-alpine)?", last):
            return guess
    return _UNKNOWN


def _add_databases(entry: dict[str, JsonValue], volume: PlatformVolume, decide: list[str]) -> None:
    declared = {key: value for m in volume.mounts for key, value in m.environment.items()}
    # The image's own defaults: user `postgres`, and a database named like its user.
    user = declared.get("POSTGRES_USER", _DECIDE)
    database = declared.get("POSTGRES_DB", user)
    entry |= {"databases": [database], "user": user}
    if _DECIDE in (user, database):
        decide.append(f"{_DECIDE}: the databases and the user are not declared; name them")
    else:
        decide.append("are these all of its databases?")
