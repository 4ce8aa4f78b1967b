"""The webhook service: stores deliveries that arrive over HTTP, and processes them with `replay`'s code (DESIGN 7).

`app` answers requests, `worker` processes the spool and runs `sync`, `server` guards the connections. Starlette and
uvicorn are an extra, and no other command imports this package.
"""
