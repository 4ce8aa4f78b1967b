"""The command line as its users meet it: in-process with captured streams, and as processes over loopback."""
