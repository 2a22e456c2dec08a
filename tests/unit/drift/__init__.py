"""Tests of the stage ``drift``."""
