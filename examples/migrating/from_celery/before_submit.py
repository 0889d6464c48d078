# examples/migrating/from_celery/before_submit.py
import json

from examples.migrating.from_celery.before import render_invoice

result = render_invoice.apply_async(kwargs={"order": 7, "cents": 1999}, countdown=1)
print(json.dumps(result.get(timeout=30)))
