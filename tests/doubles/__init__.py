"""Programs that answer like servers the tests cannot have."""
