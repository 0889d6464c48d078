"""Faults at random under a mixed load: `python -m tests.chaos --minutes 5 --seed 7`."""
