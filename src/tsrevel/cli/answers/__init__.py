"""The JSON answers of the commands, as types (DESIGN 2): `--json` prints them, their JSON Schemas are made of them.

A docstring of an answer is the description in its schema. `registry` says which command gives which.
"""
