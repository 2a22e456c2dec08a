"""Tests of ``alt_backup_assets.signals``."""
