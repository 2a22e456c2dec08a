"""What a comparison of the registry with the platform found, in the words of the contract."""

from __future__ import annotations

from typing import Literal

from alt_backup_assets.values import Frozen

State = Literal["planned", "excluded", "unplanned", "stale", "not_mounted", "anonymous"]
Verdict = Literal["GOOD", "DRIFT"]


class VolumeDrift(Frozen):
    """One volume, of the registry or of the platform.

    Attributes:
        name: As the registry calls it, or should.
        state: How registry and platform stand to each other.
        drifted: Whether somebody has to do something.
        detail: Why, as sentences; may be empty where all is well.
    """

    name: str
    state: State
    drifted: bool
    detail: str


class Drift(Frozen):
    """The whole comparison.

    Attributes:
        verdict: DRIFT where any volume drifted.
        reasons: What drifted, and what was not compared.
        volumes: Those of the registry in its order, then those it does not know.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    volumes: tuple[VolumeDrift, ...]
