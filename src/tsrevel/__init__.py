"""Makes exactly one Revel POS order of each catering event in TripleSeat, to the cent."""

__version__ = "0.1.0"
