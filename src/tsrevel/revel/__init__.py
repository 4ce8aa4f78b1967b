"""Revel POS: finds orders, reads catalogues, writes an order step by step, and reads it back.

Wire names live here and nowhere else: `encode` makes bodies, `decode` reads rows, `client` knows resources and filters.
"""
