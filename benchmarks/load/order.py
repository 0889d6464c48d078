"""What a load generator is asked to do."""

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Order:
    """One kind of request, sent over keep-alive connections to one or more ports of 127.0.0.1.

    Without a `rate` each connection sends its next request once it has the answer to the last (closed loop). With one,
    requests start at that pace per second in all whatever the answers do (open loop), and a latency counts from the
    time at which the request was to start. Requests that start in the first `warm_up_seconds` do not count.
    """

    ports: tuple[int, ...]
    path: str
    body: str
    connections: int
    seconds: float
    warm_up_seconds: float = 0
    rate: float | None = None

    def to_json(self) -> str:
        """As it is passed on a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """The order that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"ports": tuple(fields["ports"])})

    def request(self, port: int) -> bytes:
        """The bytes of the request."""
        body = self.body.encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
