"""The test suite: the folder says how much is real."""
