"""A web application that hands slow work to Narad and waits for it, as long as its own client has patience.

    SALES_ROOT=examples/data narad dev --handlers examples.report
    NARAD_URL=http://127.0.0.1:8000 uvicorn examples.app:app --port 9000
    curl -si localhost:9000/reports -H 'Content-Type: application/json' -d '{"path": "sales.csv", "by": "month"}'

It knows the handler by its name alone and imports nothing of it: that code may live on other machines.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel

from narad import AsyncClient
from narad.client import AsyncTask, NotFound, ServerError, TaskFailed, ValidationFailed, WaitTimeout
from narad.client.words import CreateOptions

_PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for the process; which service it asks is said by NARAD_URL and NARAD_API_KEY."""
    async with AsyncClient() as narad:
        app.state.narad = narad
        yield


app = FastAPI(title="Reports", lifespan=lifespan)


async def narad_of(request: Request) -> AsyncClient:
    """The client of this process."""
    client: AsyncClient = request.app.state.narad
    return client


Narad = Annotated[AsyncClient, Depends(narad_of)]


class Wanted(BaseModel):
    """A report that somebody asks for."""

    path: str
    by: Literal["region", "product", "month"] = "region"


class Answer(BaseModel):
    """Where a report stands."""

    id: str
    status: str
    progress: float | None = None
    report: Any = None


@app.post("/reports")
async def create(
    wanted: Wanted, narad: Narad, response: Response, idempotency_key: Annotated[str | None, Header()] = None
) -> Answer:
    """Make a report: 200 with it, or, where that takes longer, 202 and the address to ask at later.

    Who repeats a request with the same Idempotency-Key gets the same report, and it is made once.
    """
    options: CreateOptions = {"name": f"Sales by {wanted.by}"}
    if idempotency_key is not None:
        options["idempotency_key"] = idempotency_key
    try:
        task = await narad.tasks.create("reports.sales", wanted.model_dump(), **options)
    except ValidationFailed as error:
        raise HTTPException(422, str(error)) from error
    except ServerError as error:
        raise HTTPException(503, "Reports cannot be made now; try again.", {"Retry-After": "5"}) from error
    return await _told(task, _PATIENCE_SECONDS, response)


@app.get("/reports/{report_id}")
async def read(report_id: str, narad: Narad, response: Response, wait: float = 0) -> Answer:
    """Read a report, waiting for it up to `wait` seconds."""
    try:
        task = await narad.tasks.get(report_id)
    except NotFound as error:
        raise HTTPException(404, "There is no such report.") from error
    return await _told(task, min(wait, _PATIENCE_SECONDS), response)


async def _told(task: AsyncTask[Any], patience: float, response: Response) -> Answer:
    try:
        report = await task.result(timeout=patience)
    except WaitTimeout:
        response.status_code = 202
        response.headers["Location"] = f"/reports/{task.id}"
        value = None if task.progress is None else task.progress.value
        return Answer(id=task.id, status=task.status, progress=value)
    except TaskFailed as error:
        raise HTTPException(422, error.error.message if error.error else "The report failed.") from error
    return Answer(id=task.id, status=task.status, report=report)
