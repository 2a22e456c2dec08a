"""Tests of the stage ``status``."""
