"""What one call of ``alt-backup`` knows, and the options every verb has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from alt_backup_assets.config import configuration_path
from alt_backup_assets.site import Site, open_site

Verb = TypeVar("Verb", bound=Callable[..., Any])


@dataclass
class Session:
    """One call.

    Attributes:
        as_json: Print one JSON object instead of tables.
        open_site: Makes the working parts from a configuration file.
        config: What ``--config`` named.
        debug: Show tracebacks.
        verb: What was asked for, as far as that is known yet.
        answered: The answer is on stdout already.
    """

    as_json: bool = False
    open_site: Callable[[Path], Site] = open_site
    config: Path | None = None
    debug: bool = False
    verb: str = ""
    answered: bool = False

    @property
    def configuration_file(self) -> Path:
        """The configuration file.

        Raises:
            ConfigurationError: None was named.
        """
        return configuration_path(self.config)

    def site(self) -> Site:
        """Read the configuration and the registry.

        Raises:
            ConfigurationError: Something in them is wrong.
        """
        return self.open_site(self.configuration_file)


pass_session = click.make_pass_decorator(Session)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value and parameter.name:
        setattr(context.obj, parameter.name, value)


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    expose_value=False,
    callback=_remember,
    help="The configuration file; otherwise ALT_BACKUP_CONFIG names it.",
)
debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Show the traceback of an error.",
)
_json_option = click.option(
    # Looked for in the arguments before they are parsed: wrong usage is answered in JSON too.
    "--json",
    is_flag=True,
    expose_value=False,
    help="Print one JSON object.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


def reports(verb: Verb) -> Verb:
    """Give a verb the options all of them have."""
    return config_option(debug_option(_json_option(verb)))
