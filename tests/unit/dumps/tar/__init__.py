"""Tests of the engine ``tar``."""
