"""Prometheus: a snapshot of its own making, with what every block of it holds."""
