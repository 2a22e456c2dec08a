"""What ends a benchmark."""


class BenchmarkFailed(Exception):
    """A contender or the platform did not do its work: there is nothing to compare."""
