"""The configuration's parts."""
