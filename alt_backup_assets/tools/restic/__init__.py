"""restic (0.17.1 or newer): one repository, its verbs, and frozen values for its answers.

Read it from the inside out: ``place`` (what has to be known of a repository), ``commands``
(argument lists), ``outcome`` (exit codes, and what restic said), ``values`` (what it answers),
``locks`` (who holds it), ``caller`` (one call, whatever the command), ``client`` (the verbs).
"""

from alt_backup_assets.tools.restic.client import Restic
from alt_backup_assets.tools.restic.locks import Lock
from alt_backup_assets.tools.restic.values import CheckReport, RetentionPlan, Snapshot

__all__ = ["CheckReport", "Lock", "Restic", "RetentionPlan", "Snapshot"]
