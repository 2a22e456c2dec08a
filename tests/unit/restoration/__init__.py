"""Tests of bringing volumes back."""
