"""Every setting of the service, read once from the environment and passed down.

A setting `x` is read from `NARAD_X`, from a `.env` file in the working directory, or, for a secret that is mounted as
a file, from the file that `NARAD_X_FILE` names.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from narad.domain.key import parse_network
from narad.domain.names import check_handler_name, check_queue_name
from narad.domain.rate import parse_rate
from narad.errors import ConfigurationError

PREFIX = "NARAD_"
SHORTEST_SECRET = 32
_HIGHEST_PORT = 65_535
_PROXY = re.compile(r"https?://([^\s/@]+@)?[^\s/@:]+(:\d{1,5})?/?")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+")


def _split(value: object) -> object:
    """Read `a,b` as a list of two."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _check_queues(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(check_queue_name(name) for name in names)


def _check_hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name != "*" and not _HOST.fullmatch(name):
            raise ValueError(f"{name!r} is no host; write names or addresses without scheme and port, or *")
    return tuple(name.lower() for name in names)


def _check_targets(names: tuple[str, ...]) -> tuple[str, ...]:
    if "*" in names:
        raise ValueError("* is no host; to allow everything, allow the networks 0.0.0.0/0 and ::/0")
    return _check_hosts(names)


def _check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(parse_network(network)) for network in networks)


def _check_path(path: str) -> str:
    if path and not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is no path; write it with a slash before and none after it, such as /narad")
    return path


def _check_rate(rate: str) -> str:
    if rate:
        parse_rate(rate)
    return rate


def _check_ports(ports: tuple[str, ...]) -> tuple[str, ...]:
    for port in ports:
        if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= _HIGHEST_PORT):
            raise ValueError(f"{port!r} is no port; write numbers from 1 to {_HIGHEST_PORT}")
    return tuple(str(int(port)) for port in ports)


def _check_proxy(address: SecretStr) -> SecretStr:
    if address.get_secret_value() and not _PROXY.fullmatch(address.get_secret_value()):
        raise ValueError("must be http://host:port or https://host:port, with user:password@ where it asks for them")
    return address


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
HandlerName = Annotated[str, AfterValidator(check_handler_name)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """The settings. Durations are in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///.narad/narad.db"),
        description="Where tasks are stored: sqlite:///path or postgresql://user:password@host:port/database.",
    )
    broker_url: SecretStr = Field(
        default=SecretStr(""),
        description="RabbitMQ, amqp://user:password@host:port/vhost, several with commas. Empty: direct dispatch.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the HTTP server binds.")
    port: int = Field(default=8000, ge=0, le=65_535, description="Port of the HTTP server; 0 takes a free one.")
    auth: Literal["auto", "none"] = Field(
        default="auto",
        description="auto: keys are asked for once there is one, and must be there off loopback. none: never.",
    )
    allowed_hosts: Annotated[Names, AfterValidator(_check_hosts)] = Field(
        default=(),
        description="Names besides those of loopback that a service without keys answers to, with commas; *: to all.",
    )
    trusted_proxies: Annotated[Names, AfterValidator(_check_networks)] = Field(
        default=(), description="Addresses or networks of proxies whose X-Forwarded-For is believed, with commas."
    )
    root_path: Annotated[str, AfterValidator(_check_path)] = Field(
        default="", max_length=200, description="Path under which a proxy publishes the service, such as /narad."
    )
    session_seconds: Seconds = Field(default=43_200, description="Time after which the dashboard asks for a key again.")
    rate_limit: Annotated[str, AfterValidator(_check_rate)] = Field(
        default="", description="Requests of one key, or of one address without, such as 600/minute. Empty: no limit."
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret behind signatures and hashes, 32 characters or more. Empty: one is made and stored.",
    )
    metrics_access: Literal["auto", "open", "key"] = Field(
        default="auto",
        description="Who may read /metrics. open: all; key: keys with metrics:read; auto: all on loopback, else keys.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="Port of /metrics in a process without API, a worker; 0: none."
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address of that port. Whoever reaches it may read the metrics."
    )
    handlers: Names = Field(
        default=(), description="Modules with handlers, separated by commas; built-ins are always there."
    )
    default_handler: HandlerName = Field(default="demo.simulate", description="Handler of a task that names none.")
    concurrency: int = Field(default=10, ge=1, le=10_000, description="Execution slots of a worker process.")
    queues: Annotated[Names, AfterValidator(_check_queues)] = Field(
        default=("default",), min_length=1, description="Queues that a worker serves, separated by commas."
    )

    worker_name: str = Field(
        default="",
        max_length=200,
        description="Name that a worker keeps over restarts, as a pod does; its start declares its earlier self lost.",
    )

    lease_seconds: Seconds = Field(default=30, description="How long a worker holds its tasks without a sign of life.")
    stop_on_lease_loss: bool = Field(
        default=False,
        description="Stop what a worker runs when its lease ends unrenewed; else it runs on until it is declared lost.",
    )
    heartbeat_seconds: Seconds = Field(default=5, description="Pause between two signs of life of a worker.")
    cancel_grace_seconds: Seconds = Field(
        default=10, description="Time a handler has to stop after a cancel or time limit."
    )
    drain_seconds: Seconds = Field(default=30, description="Time that running handlers have to end after SIGTERM.")

    lifespan_seconds: Seconds = Field(
        default=60, description="Longest time for each lifespan of handlers to start, and for all to end."
    )
    blocked_seconds: Seconds = Field(
        default=1, description="Time that a handler may block the event loop before the log names it."
    )
    child_max_tasks: int = Field(
        default=100, ge=1, le=1_000_000, description="Tasks after which the process of an isolated handler is replaced."
    )
    child_max_bytes: int = Field(
        default=536_870_912, ge=16_777_216, description="Memory above which it is replaced after its task."
    )

    http_allowed_networks: Annotated[Names, AfterValidator(_check_networks)] = Field(
        default=(),
        description="Networks that handlers may call by HTTP though they are not public, with commas: 10.1.0.0/16.",
    )
    http_allowed_hosts: Annotated[Names, AfterValidator(_check_targets)] = Field(
        default=(), description="Names that they may call wherever these lead, with commas: orders.internal."
    )
    http_ports: Annotated[Names, AfterValidator(_check_ports)] = Field(
        default=("80", "443"), min_length=1, max_length=100, description="Ports that they may call, with commas."
    )
    http_timeout_seconds: float = Field(
        default=30, gt=0, le=3_600, description="Longest time of a call from its start to the end of the answer."
    )
    http_max_bytes: int = Field(
        default=10_485_760, ge=1_024, le=1_073_741_824, description="Largest answer, also when it is decompressed."
    )
    http_proxy: Annotated[SecretStr, AfterValidator(_check_proxy)] = Field(
        default=SecretStr(""),
        description="Proxy for all calls, http://user:password@host:port; it then guards the addresses itself.",
    )
    http_ca_file: str = Field(
        default="", description="File of certificates, in PEM, that are trusted in calls besides those of the system."
    )
    http_signing_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key of signatures of http.request, 32 characters or more. Empty: narad signing-key tells it.",
    )

    max_attempts: int = Field(
        default=3,
        ge=1,
        le=1_000,
        description="Allowance of failed attempts where neither task nor handler says otherwise.",
    )
    max_losses: int = Field(default=3, ge=0, le=1_000, description="Allowance of lost workers before a task is FAILED.")
    backoff_seconds: Seconds = Field(
        default=2, description="Longest wait after the first failure; doubles with each further one."
    )
    backoff_cap_seconds: Seconds = Field(default=3600, description="Upper bound of that wait.")

    ageing_every: int = Field(
        default=8, ge=2, le=1_000, description="Every n-th pick of a worker goes to a task that waited too long."
    )
    ageing_medium_seconds: Seconds = Field(
        default=15, description="Wait after which a MEDIUM task counts as waiting too long."
    )
    ageing_low_seconds: Seconds = Field(
        default=60, description="Wait after which a LOW task counts as waiting too long."
    )

    poll_seconds: Seconds = Field(
        default=0.5, description="Pause of an idle worker between looks at the store in direct dispatch."
    )
    watchdog_seconds: Seconds = Field(
        default=15, description="Quiet time after which an attached worker looks whether it is forgotten."
    )
    lane_seconds: Seconds = Field(default=10, description="Pause between looks for broker queues that lost messages.")
    sweep_seconds: Seconds = Field(
        default=1, description="Pause between looks of an idle relay for tasks that are due."
    )
    handover_guard_seconds: Seconds = Field(
        default=5, description="Age at which a NEW task that nobody handed over is swept up."
    )
    rescue_seconds: Seconds = Field(default=5, description="Pause between looks for workers whose lease ran out.")
    expire_seconds: Seconds = Field(default=1, description="Pause between looks for tasks that waited too long.")
    retention_days: float = Field(
        default=30, ge=0, le=36_500, description="Time that a task is kept after its end; 0 keeps tasks for ever."
    )
    audit_days: float = Field(
        default=365, ge=0, le=36_500, description="Time that an entry of the audit is kept; 0 keeps them for ever."
    )
    prune_seconds: Seconds = Field(default=60, description="Pause between looks for tasks to be removed.")
    bulk_seconds: Seconds = Field(
        default=1, description="Pause between looks for bulk operations that nobody carries out."
    )
    stats_seconds: Seconds = Field(
        default=5, description="Pause between two additions of what a process counted to the statistics in the store."
    )
    survey_seconds: Seconds = Field(
        default=15, description="Pause between two looks at the whole installation for its metrics, by one process."
    )
    publish_timeout_seconds: Seconds = Field(default=10, description="Longest wait for the broker to confirm.")
    catalogue_seconds: Seconds = Field(
        default=2, description="Age at which the API reads the catalogue of handlers again."
    )

    database_pool: int = Field(default=10, ge=1, le=1_000, description="Connections to PostgreSQL per process.")
    database_timeout_seconds: Seconds = Field(default=10, description="Longest wait for a connection or a statement.")
    api_timeout_seconds: Seconds = Field(
        default=1.8, description="Longest wait of a request for the store, before it is answered with 503."
    )
    list_timeout_seconds: Seconds = Field(
        default=1.5,
        description="Longest time for a list before it is answered with 503; less than NARAD_API_TIMEOUT_SECONDS.",
    )
    max_body_bytes: int = Field(default=1_048_576, ge=1_024, le=67_108_864, description="Largest request body.")
    max_batch_bytes: int = Field(
        default=16_777_216, ge=1_024, le=1_073_741_824, description="Largest body of a request that creates many tasks."
    )
    max_header_bytes: int = Field(
        default=16_384, ge=1_024, le=1_048_576, description="Largest head of a request: its URL and headers."
    )
    receive_timeout_seconds: Seconds = Field(default=30, description="Longest time that a request may take to arrive.")
    send_timeout_seconds: Seconds = Field(
        default=30,
        description="Longest time that a client may take nothing of an answer or a stream; then it is cut off.",
    )
    max_connections: int = Field(
        default=5_000, ge=1, le=1_000_000, description="Open connections of clients at a time, per process."
    )
    max_result_bytes: int = Field(
        default=262_144, ge=1_024, le=67_108_864, description="Largest result of a handler, as JSON."
    )
    submit_buffer: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Submitted tasks that may wait for the store before the API answers 503.",
    )
    max_waiters: int = Field(
        default=1_000, ge=0, le=1_000_000, description="Requests of a process that may wait for a task at once."
    )
    max_streams: int = Field(
        default=1_000, ge=0, le=1_000_000, description="Streams of events that a process may have open at once."
    )
    max_waits_per_key: int = Field(
        default=10,
        ge=1,
        le=1_000_000,
        description="Waits and streams that one key may have open at once, per process.",
    )
    stream_seconds: Seconds = Field(default=1_800, description="Time after which a stream ends, to be opened anew.")

    max_waiting: int = Field(
        default=0,
        ge=0,
        le=2_000_000_000,
        description="Waiting tasks above which no more are accepted, but answered with 503; 0 is no limit.",
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe level that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, else json."
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load_settings` reads the environment, so that any mapping can stand in for it.
        return (init_settings, dotenv_settings)

    @model_validator(mode="after")
    def _lists_end_first(self) -> "Settings":
        if self.list_timeout_seconds >= self.api_timeout_seconds:
            mine, of_api = variable("list_timeout_seconds"), variable("api_timeout_seconds")
            message = f"{mine}: must be less than {of_api}, else nobody is told why a list was given up"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _companions(self) -> "Settings":
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            lease, heartbeat = variable("lease_seconds"), variable("heartbeat_seconds")
            message = f"{lease}: must be at least twice {heartbeat}, else one late beat loses every task"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _secrets_are_long(self) -> "Settings":
        for field in ("secret_key", "http_signing_key"):
            if 0 < len(getattr(self, field).get_secret_value()) < SHORTEST_SECRET:
                message = f"{variable(field)}: must have {SHORTEST_SECRET} characters or more, or be left empty"
                raise ValueError(message)
        return self

    @property
    def brokers(self) -> tuple[str, ...]:
        """The addresses of the brokers, in the order given; none for direct dispatch."""
        return tuple(part.strip() for part in self.broker_url.get_secret_value().split(",") if part.strip())


def load_settings(
    environment: Mapping[str, str] = os.environ, overrides: Mapping[str, str | int] | None = None
) -> Settings:
    """Read the settings; `overrides`, such as those of a command line, win.

    Raises:
        ConfigurationError: a value is not valid, or a file cannot be read; the text names the variable or the file.
    """
    given: dict[str, Any] = {**_from_variables(environment), **_from_files(environment), **(overrides or {})}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f".env: cannot read it: {_why(error)}."
        raise ConfigurationError(message) from error


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def _from_variables(environment: Mapping[str, str]) -> dict[str, str]:
    found = {name.upper(): value for name, value in environment.items()}
    return {field: found[variable(field)] for field in Settings.model_fields if variable(field) in found}


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for field in Settings.model_fields:
        path = environment.get(variable(field) + "_FILE")
        if path is None:
            continue
        try:
            values[field] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            message = f"{variable(field)}_FILE: cannot read {path!r}: {_why(error)}."
            raise ConfigurationError(message) from error
    return values


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in problem["loc"])
        if field:
            problems.append(f"{variable(field)}: {problem['msg']}")
        else:
            problems.append(str(problem["ctx"]["error"]))
    return "; ".join(problems)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
