"""Free TCP ports on this machine, below the range from which the system picks the ports of outgoing connections.

A client that keeps calling a dead broker on a port of that range may be given that very port and connect to itself;
then the broker cannot come back.
"""

import random
import socket

LOWEST, HIGHEST = 20_000, 31_999  # Linux hands out 32768 and up, macOS 49152 and up


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> tuple[int, ...]:
    """So many different ports that are free now; someone else may still be quicker."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randint(LOWEST, HIGHEST)
        if is_free(port):
            found.add(port)
    return tuple(sorted(found))
