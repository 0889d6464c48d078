"""`narad tasks`: create tasks, look at them, steer them, wait for them."""

from narad.cli.tasks import creating, looking, orders, waiting
from narad.cli.tasks.app import app

__all__ = ["app", "creating", "looking", "orders", "waiting"]
