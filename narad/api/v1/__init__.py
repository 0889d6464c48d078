"""Version 1 of the HTTP API, below `/api/v1`."""
