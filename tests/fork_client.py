"""`python -I -S fork_client.py SOCKET ARGUMENT...`: have tsrevel forked with our streams, environment and folder.

Ends as the run ends. It imports little, so that it starts in a fraction of the time that tsrevel takes.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Ask the forking process for a run, and wait for its end."""
    streams = [each for each in range(3) if _is_open(each)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(sys.argv[1])
        order = {"argv": sys.argv[2:], "environ": dict(os.environ), "cwd": os.getcwd(), "streams": streams}  # noqa: PTH109
        socket.send_fds(line, [json.dumps({**order, "fresh": False}).encode()], streams)
        for each in streams:
            os.close(each)  # whoever reads what the run writes must see its end
        line.recv(16)  # its pid
        status = int(line.recv(16))
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
