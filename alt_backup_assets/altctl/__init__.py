"""The former system's backup directories: listed, verified and opened."""
