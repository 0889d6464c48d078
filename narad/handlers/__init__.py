"""Handlers that are always there."""
