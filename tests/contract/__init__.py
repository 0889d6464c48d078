"""Suites that every backend passes."""
