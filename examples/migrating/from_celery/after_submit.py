# examples/migrating/from_celery/after_submit.py
import json

from narad import Client

with Client() as narad:
    task = narad.tasks.create("invoices.render", {"order": 7, "cents": 1999}, delay=1)
    print(json.dumps(task.result(timeout=30)))
