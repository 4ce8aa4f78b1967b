"""HTTP to both services.

`api` judges their answers, `client` sends a request, `responses` decodes JSON, `network` is the way out of this
machine, and `write_gate` stands before each write.
"""
