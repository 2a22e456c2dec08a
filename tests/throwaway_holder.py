"""A run that makes a throw-away target and then waits to be killed.

Arguments: the platform's configuration as JSON (with ``scratch`` beside it for the local kind),
and image and image id of the runtime.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

from alt_backup_assets.config import DockerPlatform, LocalPlatform
from alt_backup_assets.platforms.docker import DockerEngine
from alt_backup_assets.platforms.local import LocalMachine
from alt_backup_assets.platforms.seam import Platform, Runtime


def platform_of(text: str) -> Platform:
    """Return the platform that a contract test wrote down."""
    values = json.loads(text)
    scratch = values.pop("scratch", None)
    if values["kind"] == "docker":
        return DockerEngine(DockerPlatform.model_validate(values))
    return LocalMachine(LocalPlatform.model_validate(values), scratch=Path(scratch))


def main() -> None:
    """Hold a target until a signal ends the process on the spot."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    text, image, image_id = sys.argv[1:]
    with platform_of(text).throwaway("live-db", Runtime(image, image_id)):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        time.sleep(600)


if __name__ == "__main__":
    main()
