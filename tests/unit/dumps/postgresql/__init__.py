"""Tests of the engine ``postgresql``."""
