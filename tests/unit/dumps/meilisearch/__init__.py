"""Tests of the engine ``meilisearch``."""
