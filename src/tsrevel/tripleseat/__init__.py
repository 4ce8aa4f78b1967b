"""TripleSeat: authenticates, searches events, reads one event. Never writes.

Read in this order: `auth` (over `token_file`), `client`, `decode` (over `fields`), `digest`, `invoice` (the last
resort). Wire names live here and nowhere else.
"""
