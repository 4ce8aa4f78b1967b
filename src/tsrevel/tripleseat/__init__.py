"""TripleSeat: proving who we are, finding events, reading one. Only ever reads.

Read in this order: `auth` (over `token_url` and `token_file`), `client`, `decode` (over `fields` and `money_rows`),
`digest`, `invoice` (the last resort, over `invoice_rows`). Wire names live here and nowhere else.
"""
