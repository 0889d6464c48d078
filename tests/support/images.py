"""The container images used where a Docker engine stands in for installed servers."""

POSTGRES_IMAGE = "postgres:17"
RABBITMQ_IMAGE = "rabbitmq:4-management"
