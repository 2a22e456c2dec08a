"""``python -m alt_backup_assets.cli``."""

from __future__ import annotations

import sys

from alt_backup_assets.cli.entry import main

sys.exit(main())
