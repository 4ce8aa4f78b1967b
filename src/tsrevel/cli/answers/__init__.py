"""The JSON answers of the commands, as types (DESIGN 2). `--json` prints them; their JSON Schemas are made from them.

An answer's docstring is the description in its schema. `cli/reference.py` lists the answers of each command.
"""
