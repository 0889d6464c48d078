"""What a process has to call others by HTTP: clients on shared connections, made when first asked for."""

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from narad import __version__
from narad.outbound.options import OutboundOptions
from narad.outbound.signature import signature_of

if TYPE_CHECKING:
    import httpx2

    from narad.outbound.bridge import BridgeTransport
    from narad.outbound.network import Resolve
    from narad.outbound.transport import GuardedTransport

_HEADERS = {"User-Agent": f"narad/{__version__}"}


class Outbound:
    """One for a process. It costs nothing until somebody calls: its libraries are loaded then."""

    def __init__(self, options: OutboundOptions, resolve: "Resolve | None" = None) -> None:
        """`resolve` finds the addresses of names; the system does where it is left out."""
        self.options = options
        self._resolve = resolve
        self._opening = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: GuardedTransport | None = None
        self._bridge: BridgeTransport | None = None

    def client(self) -> "httpx2.AsyncClient":
        """A client for one attempt, on the running loop."""
        import httpx2  # noqa: PLC0415 - loaded when needed

        return httpx2.AsyncClient(
            transport=self._on_loop(), headers=_HEADERS, timeout=self.options.timeout_seconds, trust_env=False
        )

    def sync_client(self) -> "httpx2.Client":
        """A client for one attempt, for code that is on no loop."""
        import httpx2  # noqa: PLC0415 - loaded when needed

        return httpx2.Client(
            transport=self._bridged(), headers=_HEADERS, timeout=self.options.timeout_seconds, trust_env=False
        )

    def sign(self, body: bytes) -> str:
        """The value of `Narad-Signature` for a body that is sent now."""
        return signature_of(body, self.options.signing_key, int(time.time()))

    async def close(self) -> None:
        """Close every connection."""
        transport, bridge = self._transport, self._bridge
        self._transport = self._bridge = None
        if transport is not None:
            await transport.shut()
        if bridge is not None:
            await asyncio.to_thread(bridge.shut)

    def _on_loop(self) -> "GuardedTransport":
        loop = asyncio.get_running_loop()
        if self._transport is None or self._loop is not loop:
            from narad.outbound.transport import GuardedTransport  # noqa: PLC0415 - loaded when needed

            self._loop = loop
            self._transport = GuardedTransport(self.options, self._resolver())
        return self._transport

    def _bridged(self) -> "BridgeTransport":
        with self._opening:
            if self._bridge is None:
                from narad.outbound.bridge import BridgeTransport  # noqa: PLC0415 - loaded when needed

                self._bridge = BridgeTransport(self.options, self._resolver())
            return self._bridge

    def _resolver(self) -> "Resolve":
        from narad.outbound.network import resolve  # noqa: PLC0415 - loaded when needed

        return self._resolve or resolve
