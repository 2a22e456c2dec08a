"""Tests of the stage ``dumps``."""
