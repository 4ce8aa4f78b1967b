"""Revel POS: looking orders up, reading catalogues, writing an order step by step, reading back what is there.

Wire names live here and nowhere else: `encode` makes bodies, `decode` reads rows, `client` knows resources and filters.
"""
