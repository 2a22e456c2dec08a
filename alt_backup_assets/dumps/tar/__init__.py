"""A volume as one ``.tar.gz`` that busybox reads, with a manifest taken while it is read."""
