"""Tests of the stage ``verification``."""
