"""The Dagster code location: the registry drawn as assets, and nothing else.

``keys`` names things, ``assets`` and ``maintenance`` do them by calling the stages, ``jobs``
and ``schedules`` say when, ``sensors`` answer new snapshots, ``build`` puts it together.
Bodies are a few lines; what they do is in the stages. Importing this has no effect: the
configuration is read when Dagster asks for the definitions.
"""

from pathlib import Path

import dagster as dg

from alt_backup_assets.config import configuration_path
from alt_backup_assets.definitions.build import build_defs
from alt_backup_assets.site import open_site


@dg.definitions
def defs() -> dg.Definitions:
    """Draw the definitions from the configuration that ALT_BACKUP_CONFIG names."""
    path: Path = configuration_path(None)
    return build_defs(open_site(path))
