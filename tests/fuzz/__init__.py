"""Calls that a machine makes out of the OpenAPI document, against a real service."""
