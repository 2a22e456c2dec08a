"""Tests on a real Docker engine and the test images."""
