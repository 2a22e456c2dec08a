"""Tests of the stage ``snapshots``."""
