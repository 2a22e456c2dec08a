"""``alt-backup``, called as a script calls it, over repositories in memory."""
