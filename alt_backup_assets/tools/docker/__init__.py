"""Docker Engine: the connection, the stream of an exec, and commands inside containers."""
