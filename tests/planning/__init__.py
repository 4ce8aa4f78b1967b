"""Tests of the planning room, one module for each of its own."""
