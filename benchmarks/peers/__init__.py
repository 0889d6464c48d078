"""What else hands tasks to Python workers over the same servers: each with a no-op task and a way to take the time."""
