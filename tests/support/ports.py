"""Free TCP ports on 127.0.0.1 that stay free while their server is down.

A port of the kernel's ephemeral range would not: a client that keeps reconnecting to a dead server is sooner or later
given the very port it calls as its own source port, TCP then connects it to itself, and the server cannot bind again.
So ports come from outside that range, and from far above the standard ports of the servers.
"""

import random
import socket
from pathlib import Path

_LOWEST = 20_000
_DEFAULT_EPHEMERAL = (32_768, 60_999)
_handed_out: set[int] = set()
_random = random.SystemRandom()  # never the seeded generator: two runs with one seed must not meet on the same ports


def free_port() -> int:
    """A port nobody listens on, never handed out before by this process."""
    low, high = _ephemeral_range()
    candidates = [port for port in range(_LOWEST, 65_536) if not low <= port <= high and port not in _handed_out]
    for port in _random.sample(candidates, len(candidates)):
        if _is_free(port):
            _handed_out.add(port)
            return port
    message = f"no free TCP port on 127.0.0.1 outside the ephemeral range {low}-{high}"
    raise RuntimeError(message)


def _ephemeral_range() -> tuple[int, int]:
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except OSError:
        return _DEFAULT_EPHEMERAL
    return int(low), int(high)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
