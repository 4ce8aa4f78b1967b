"""The webhook service: a real process over loopback, asked by a client library and by raw sockets."""
