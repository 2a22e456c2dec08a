"""The platforms, without Docker."""
