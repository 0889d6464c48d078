# examples/migrating/from_dramatiq/after_submit.py
from examples.migrating.from_dramatiq.after import render_invoice
from narad import Client

with Client() as narad:
    task = narad.tasks.create(render_invoice, {"order": 7, "cents": 1999}, delay=1)
    print(task.id)
