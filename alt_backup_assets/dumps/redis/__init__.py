"""Redis: a complete RDB file with the content of the moment it was saved."""
