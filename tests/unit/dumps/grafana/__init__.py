"""Tests of the engine ``grafana``."""
