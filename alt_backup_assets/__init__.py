"""Backups of a Docker-Compose platform that an operator can prove.

The pipeline, in the direction of the data::

    registry   what must survive: one frozen value per volume
      -> dumps         a volume becomes one consistent dump, with a record of what is in it
      -> snapshots     a dump becomes an encrypted restic snapshot
      -> offsite       a snapshot is copied to the repository that is elsewhere
      -> verification  a snapshot is restored into a throw-away target and compared: a proof
      -> status        what an operator can rely on right now
      -> signals       how a person hears of it: metrics, and the rules of what must ring

``definitions`` draws the same pipeline as Dagster assets, ``cli`` is the command
``alt-backup``. Both are thin; everything they do is in the stages above, which know nothing
of Dagster.
"""
