"""Two real parts together."""
