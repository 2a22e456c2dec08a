"""Unit tests of the benchmark's calculations; none of them is timed."""
