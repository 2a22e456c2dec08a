"""Tests of the stage ``offsite``."""
