"""Webhook deliveries: whether one is TripleSeat's, what it says, how it waits on disk. No service is called here."""
