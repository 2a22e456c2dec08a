"""All tests: unit, integration with real programs, end to end with real containers."""
