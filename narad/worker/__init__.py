"""From PENDING to an outcome: claim, run, finish."""
