"""Tests, arranged by room. Each is a sentence about what tsrevel does."""
