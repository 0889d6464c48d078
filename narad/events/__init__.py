"""The live feed: hints that tasks changed, from whoever changed them to whoever waits. One interface, in `base.py`."""
