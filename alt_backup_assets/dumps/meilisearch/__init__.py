"""Meilisearch: its own snapshot, proved by its own server, put back unpacked."""
