"""The schema, step by step; `narad/store/schema.py` runs the steps."""
