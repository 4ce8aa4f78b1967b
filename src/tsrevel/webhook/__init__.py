"""Webhook deliveries, as data: whether one is TripleSeat's. Nothing here listens, reads a file or calls a service."""
