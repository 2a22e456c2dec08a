"""What the retention guard and the offsite drills go by: sane by default, and never nonsense."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from alt_backup_assets.config import OffsiteProof, RetentionGuard


def test_the_defaults_are_those_of_the_contract() -> None:
    """Half a volume gone is refused; every volume is proved from offsite within four weeks."""
    assert RetentionGuard().max_shrink == 0.5
    assert (OffsiteProof().budget_mib, OffsiteProof().within_weeks) == (20480, 4)


@pytest.mark.parametrize("share", [0, -0.1, 1.1, "half"])
def test_a_share_is_above_nothing_and_at_most_all(share: object) -> None:
    """Nothing would refuse for ever, and more than all is a slip of the pen."""
    with pytest.raises(ValidationError):
        RetentionGuard.model_validate({"max_shrink": share})


@pytest.mark.parametrize("field", ["budget_mib", "within_weeks"])
def test_a_rotation_moves(field: str) -> None:
    """Without a byte or a week nothing would ever be proved."""
    with pytest.raises(ValidationError):
        OffsiteProof.model_validate({field: 0})
