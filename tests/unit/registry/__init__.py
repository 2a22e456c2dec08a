"""The registry: entries, files, selections."""
