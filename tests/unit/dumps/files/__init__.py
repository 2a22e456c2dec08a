"""Tests of the engine ``files``."""
