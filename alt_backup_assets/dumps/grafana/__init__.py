"""Grafana: its SQLite database by SQLite's own online backup, and the files beside it."""
