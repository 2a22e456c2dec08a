"""What needs no service at all; mirrors the package."""
