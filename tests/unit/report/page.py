"""The page as a person's browser takes it apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Page(HTMLParser):
    """What is on a page.

    Attributes:
        cells: The state of every cell of the grid, by volume, day and stage.
        said: What each of these cells says when it is pointed at.
        tags: The name of every element.
        loads: Every address that something would be loaded from.
        text: All its text.
    """

    cells: dict[tuple[str, str, str], str] = field(default_factory=dict)
    said: dict[tuple[str, str, str], str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    text: str = ""
    _volume: str = ""
    _days: list[str] = field(default_factory=list)
    _column: int = -1

    def __post_init__(self) -> None:
        """Make the parser."""
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.loads += [values[name] for name in ("src", "href") if name in values]
        self._volume = values.get("data-volume", self._volume)
        if tag == "time" and len(values["datetime"]) == len("2026-01-01"):
            self._days.append(values["datetime"])
        self._column = -1 if tag == "tr" else self._column + (tag == "td")
        if tag == "b" and values.get("role") == "img":
            key = (self._volume, self._days[self._column], values["title"].split()[0])
            self.cells[key] = values["class"]
            self.said[key] = values["title"]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def parsed(html: str) -> Page:
    """Take a page apart."""
    page = Page()
    page.feed(html)
    page.close()
    return page
