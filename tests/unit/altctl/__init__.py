"""Tests of the former system's backups."""
