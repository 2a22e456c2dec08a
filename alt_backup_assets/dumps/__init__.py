"""Stage 2: a volume becomes one consistent dump, with a record of what is in it."""
