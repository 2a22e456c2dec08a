"""Real restic, real PostgreSQL, real OpenSSH; no Docker."""
