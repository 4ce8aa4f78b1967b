"""Webhook deliveries: their signatures, their content, and their storage on disk. No service is called here."""
