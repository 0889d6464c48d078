"""The cases: each takes a scene and a scale, and returns its figures."""
