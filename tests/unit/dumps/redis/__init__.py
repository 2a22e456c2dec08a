"""Tests of the engine ``redis``."""
