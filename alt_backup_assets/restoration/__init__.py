"""Restore: a snapshot becomes the data of a volume again, in place or elsewhere."""
