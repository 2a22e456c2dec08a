"""What a deployment in containers needs, drawn from the configuration and the registry."""
