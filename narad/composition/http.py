"""How a process listens for HTTP, and what one without an API serves: its metrics alone."""

from narad.api.metrics_app import metrics_app
from narad.api.protocol import ConnectionLimits
from narad.api.server import HttpServer
from narad.composition.ground import Ground
from narad.settings import Settings


def metrics_server(ground: Ground) -> HttpServer:
    """What a process without API serves, so that it can be watched too."""
    settings = ground.settings
    return HttpServer(
        metrics_app(ground.metrics.render),
        host=settings.metrics_host,
        port=settings.metrics_port,
        limits=connection_limits(settings),
        settings="NARAD_METRICS_HOST or NARAD_METRICS_PORT",
    )


def connection_limits(settings: Settings) -> ConnectionLimits:
    """What a connection may take of this process."""
    return ConnectionLimits(
        most_header_bytes=settings.max_header_bytes,
        receive_seconds=settings.receive_timeout_seconds,
        send_seconds=settings.send_timeout_seconds,
        most_connections=settings.max_connections,
    )
