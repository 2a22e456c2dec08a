"""Tests of the engine ``prometheus``."""
