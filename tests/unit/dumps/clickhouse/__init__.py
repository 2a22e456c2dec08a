"""Tests of the engine ``clickhouse``."""
