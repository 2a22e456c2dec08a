"""Drift: what the registry plans against what is declared, there, mounted and in snapshots."""
