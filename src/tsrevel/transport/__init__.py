"""HTTP to both services: the client, its retries, rate limit and write gate, and the decoding of answers."""
