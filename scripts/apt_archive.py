"""Print the URI of the distribution's own archive, from this machine's apt sources.

Another suite of the same archive (Debian 13's, for a newer restic) is then reached the way
this machine reaches its own: by its mirror, through its proxy. Both notations are read, the
one-line `sources.list` and deb822 `*.sources`. The archive is the entry that carries the
machine's own codename as suite and `main` as component, and that is not signed with somebody
else's key. Runs on the standard library alone, before there is a virtual environment.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<rest>.*)$"
)


@dataclass(frozen=True)
class Source:
    """One place that apt installs from."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str


def read_one_line(text: str) -> Iterator[Source]:
    """Read the notation of `sources.list`."""
    for line in text.splitlines():
        entry = ONE_LINE.match(line.partition("#")[0].strip())
        if entry:
            signed = re.search(r"signed-by=(\S+)", entry["options"] or "")
            components = tuple(entry["rest"].split())
            yield Source(entry["uri"], entry["suite"], components, signed[1] if signed else "")


def read_deb822(text: str) -> Iterator[Source]:
    """Read the notation of `*.sources`: paragraphs of fields, continued by indentation."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {
            name.lower(): value.strip()
            for name, value in re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE)
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                yield Source(uri, suite, components, fields.get("signed-by", ""))


def read_sources(apt: Path) -> Iterator[Source]:
    """Read every source of the machine, in apt's order."""
    parts = sorted((apt / "sources.list.d").glob("*"))
    for path in [apt / "sources.list", *parts]:
        if path.suffix in {".list", ".sources"} and path.is_file():
            read = read_deb822 if path.suffix == ".sources" else read_one_line
            yield from read(path.read_text(encoding="utf-8"))


def read_os_release(path: Path) -> dict[str, str]:
    """Read `os-release`, a file of shell assignments."""
    words = shlex.split(path.read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words)


def find_archive(sources: Iterator[Source], distribution: str, codename: str) -> Source | None:
    """Find the distribution's archive among the sources; third parties carry their own key."""
    for source in sources:
        own_key = not source.signed_by or f"{distribution}-archive" in source.signed_by
        fetched = source.uri.startswith(("http:", "https:", "file:", "copy:", "mirror"))
        if source.suite == codename and "main" in source.components and own_key and fetched:
            return source
    return None


def main() -> int:
    """Print the URI, or say what is missing."""
    release = read_os_release(Path("/etc/os-release"))
    distribution, codename = release.get("ID", "?"), release.get("VERSION_CODENAME", "?")
    archive = find_archive(read_sources(Path("/etc/apt")), distribution, codename)
    if archive is None:
        print(
            f"apt_archive: no apt source of this machine has suite '{codename}' with component "
            f"'main' of {distribution}; add it to /etc/apt/sources.list.d/ and try again.",
            file=sys.stderr,
        )
        return 1
    print(archive.uri)
    return 0


if __name__ == "__main__":
    sys.exit(main())
