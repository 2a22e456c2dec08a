"""Stage 4: snapshots are copied to the repository that is elsewhere."""
