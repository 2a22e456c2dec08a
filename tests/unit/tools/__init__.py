"""The outside programs' modules."""
