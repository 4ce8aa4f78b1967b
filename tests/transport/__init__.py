"""The transport: client, retries, deadlines, answers, and the way out of the machine."""
