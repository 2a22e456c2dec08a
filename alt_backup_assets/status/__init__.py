"""Stage 6: what an operator can rely on right now."""
