"""Where handlers may call, and within which bounds; plain values, for they cross to the processes of handlers."""

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

PORTS: Final = (80, 443)
TIMEOUT_SECONDS: Final = 30.0
MOST_BYTES: Final = 10_485_760
MOST_RESULT_BYTES: Final = 262_144
LONGEST_SECONDS: Final = 3_600.0
"""The longest that one request may be given, whatever it asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundOptions:
    """Without any: public addresses, the usual ports, and a signing key that nobody else knows."""

    allowed_networks: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = PORTS
    timeout_seconds: float = TIMEOUT_SECONDS
    most_bytes: int = MOST_BYTES
    most_result_bytes: int = MOST_RESULT_BYTES
    most_connections: int = 100
    proxy: str = field(default="", repr=False)
    ca_file: str = ""
    signing_key: str = field(default_factory=token_hex, repr=False)
