"""How work reaches workers: directly from the store, or pushed through RabbitMQ. One interface, in `base.py`."""
