"""``alt-backup``: the pipeline from the command line, with no Dagster needed.

``entry`` has the program and its exit codes; a module per verb calls a stage and turns its
value into a ``Report``; ``output`` prints that as a table or as JSON. What is on stdout is the
answer and nothing else; progress and errors go to stderr. Add a verb by adding its module and
a line in ``entry``. Keep out: anything a stage should know.
"""

from __future__ import annotations

from alt_backup_assets.cli.entry import main

__all__ = ["main"]
