"""How Hypothesis runs here: a slow machine is not a failure, and a failure says how to repeat it."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, print_blob=True)
settings.load_profile("unit")
