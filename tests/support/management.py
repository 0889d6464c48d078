"""RabbitMQ's management HTTP API: milliseconds where rabbitmqctl takes seconds."""

import http.client
import json
import socket
from abc import ABC, abstractmethod
from base64 import b64encode
from typing import Any
from urllib.parse import quote

NOT_YET = (OSError, http.client.HTTPException)

_STOP_LEADER = """
{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>)),
ok = ra:stop_server(quorum_queues, amqqueue:get_pid(Queue)).
"""

_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = 1


class ManagementError(RuntimeError):
    """The management API refused a request."""

    def __init__(self, request: str, status: int, answer: str) -> None:
        super().__init__(f"{request}: {status} {answer}")
        self.status = status


class Management(ABC):
    """Virtual hosts, queues and messages of a broker on 127.0.0.1, whichever way it was started."""

    def __init__(self, *, port: int, management_port: int, user: str, password: str) -> None:
        self.port = port
        self.management_port = management_port
        self._user = user
        self._password = password

    def url(self, vhost: str = "/") -> str:
        """The AMQP address of a virtual host, for the administrator of this broker."""
        return f"amqp://{self._user}:{self._password}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def create_vhost(self, name: str) -> None:
        """Create a virtual host that the user of `url` may do anything in."""
        self.request("PUT", f"/vhosts/{_path(name)}")
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.request("PUT", f"/permissions/{_path(name, self._user)}", everything)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all it holds, cutting its connections; nothing to do if it is not there."""
        try:
            self.request("DELETE", f"/vhosts/{_path(name)}")
        except ManagementError as error:
            if error.status != http.client.NOT_FOUND:
                raise

    def queues(self, vhost: str) -> list[dict[str, Any]]:
        """The queues: `name`, `type`, `arguments`, and `messages`, `messages_ready`, … as of half a second ago.

        The detailed listing would add consumers and rates, but lags by five seconds.
        """
        found: list[dict[str, Any]] = self.request(
            "GET", f"/queues/{_path(vhost)}?disable_stats=true&enable_queue_totals=true"
        )
        return found

    def purge(self, vhost: str, queue: str) -> None:
        """Drop the ready messages of a queue."""
        self.request("DELETE", f"/queues/{_path(vhost, queue)}/contents")

    def delete_queue(self, vhost: str, queue: str) -> None:
        """Delete a queue, whoever uses it and whatever it holds."""
        self.request("DELETE", f"/queues/{_path(vhost, queue)}")

    def kill_queue(self, vhost: str, queue: str) -> None:
        """Leave a quorum queue without a leader: it can still be declared and deleted, and confirms nothing."""
        self._evaluate(_STOP_LEADER.format(vhost=vhost, queue=queue))

    @abstractmethod
    def _evaluate(self, expression: str) -> None:
        """Run Erlang in the node, as `rabbitmqctl eval` does."""

    def get(self, vhost: str, queue: str, count: int = 1, *, requeue: bool = False) -> list[dict[str, Any]]:
        """Take up to `count` messages (`payload`, `properties`, …), or look at them and put them back."""
        mode = "ack_requeue_true" if requeue else "ack_requeue_false"
        order = {"count": count, "ackmode": mode, "encoding": "auto"}
        taken: list[dict[str, Any]] = self.request("POST", f"/queues/{_path(vhost, queue)}/get", order)
        return taken

    def connections(self) -> list[dict[str, Any]]:
        """The open connections as the API describes them; statistics too."""
        found: list[dict[str, Any]] = self.request("GET", "/connections")
        return found

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """One request to the API; the decoded answer."""
        credentials = b64encode(f"{self._user}:{self._password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.management_port, timeout=30)
        try:
            connection.request(
                method, f"/api{path}", body=json.dumps(body) if body is not None else None, headers=headers
            )
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            request = f"{method} {path}"
            raise ManagementError(request, answer.status, text)
        return json.loads(text) if text else None

    def ping(self) -> None:
        """Raise one of NOT_YET until both protocols answer: AMQP with a method frame, HTTP with who we are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(_PROTOCOL_HEADER)
            first = connection.recv(1)
        if first != bytes([_METHOD_FRAME]):
            message = f"no AMQP answer: {first!r}"
            raise ConnectionError(message)
        try:
            self.request("GET", "/whoami")
        except ManagementError as error:
            raise ConnectionError(str(error)) from error


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)
