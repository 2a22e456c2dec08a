"""What is measured, each by a program of its own; nothing here is a test, and nothing asserts."""
