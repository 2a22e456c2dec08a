"""Stage 3: a dump becomes an encrypted restic snapshot; old ones are forgotten by policy."""
