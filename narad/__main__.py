"""`python -m narad` is `narad`."""

from narad.cli.main import app

app(prog_name="narad")
