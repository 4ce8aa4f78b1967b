"""Revel's client against the pretend Revel: bodies, rows, pages, and answers that prove nothing."""
