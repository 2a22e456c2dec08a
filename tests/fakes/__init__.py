"""Hand-written doubles; each stands at a seam, never at `subprocess`."""
