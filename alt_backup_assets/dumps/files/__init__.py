"""Plain files: the volume as it is, with a manifest taken while it is read."""
