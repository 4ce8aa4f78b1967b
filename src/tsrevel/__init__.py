"""Carries catering orders from TripleSeat to Revel POS: exactly one order an event, to the cent."""

__version__ = "0.1.0"
