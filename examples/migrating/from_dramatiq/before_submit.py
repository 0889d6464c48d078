# examples/migrating/from_dramatiq/before_submit.py
from examples.migrating.from_dramatiq.before import render_invoice

message = render_invoice.send_with_options(kwargs={"order": 7, "cents": 1999}, delay=1_000)
print(message.message_id)
