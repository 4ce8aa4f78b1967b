"""The webhook service: deliveries come in over HTTP, are stored, and are worked off by the code of `replay` (DESIGN 7).

`app` answers requests, `worker` works off the spool and runs the poll, `server` guards the connections. Starlette and
uvicorn are an extra, and no other command imports this package.
"""
