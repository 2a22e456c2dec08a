"""docs/configuration.md says what the code says."""

from __future__ import annotations

import subprocess
import sys

from tests.dagster_home import ROOT


def test_the_reference_is_up_to_date() -> None:
    """Every field is in it, with the default and the sentence it has in the code."""
    script = ROOT / "scripts/configuration_reference.py"
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, timeout=120
    )
    written = (ROOT / "docs/configuration.md").read_text()
    assert written == done.stdout, f"{script.name} > docs/configuration.md writes it again"
    for field in ("`repositories.offsite.sftp.known_hosts_file`", "`contents.min_bytes`"):
        assert f"| {field} |" in written
