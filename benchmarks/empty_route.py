"""The route that creates a task, without the task: what FastAPI itself costs on the same models and the same server.

It validates the same body, builds the same answer, and stores nothing.
"""

import asyncio

import uvloop
from fastapi import FastAPI, Response

from narad.api.protocol import ConnectionLimits
from narad.api.schemas import TaskCreate, TaskView
from narad.api.server import HttpServer
from narad.clock import SystemClock
from narad.domain.status import Status
from narad.domain.task import Task
from narad.ids import new_id

GREETING = "Empty route on port"

LIMITS = ConnectionLimits(most_header_bytes=16_384, receive_seconds=30, send_seconds=30, most_connections=5_000)

app = FastAPI(docs_url=None, redoc_url=None)
_clock = SystemClock()


@app.post("/api/v1/tasks", status_code=201)
async def create_task(body: TaskCreate, response: Response) -> TaskView:
    """Answer as if the task had been stored."""
    now = _clock.now()
    task = Task(
        id=new_id(),
        name=body.name,
        description=body.description,
        priority=body.priority,
        status=Status.NEW,
        handler=body.handler or "demo.simulate",
        queue=body.queue or "default",
        unique_key=body.unique_key,
        tags=tuple(body.tags),
        created_at=now,
        run_at=now,
        expires_at=None,
        started_at=None,
        finished_at=None,
        cancel_requested_at=None,
        cancel_reason=None,
        attempt=0,
        failures=0,
        losses=0,
        max_attempts=body.max_attempts or 3,
        max_losses=3,
        timeout_seconds=body.timeout_seconds,
        worker_id=None,
        created_by=None,
        parent_id=None,
        progress=None,
        error=None,
        version=1,
        payload=body.payload,
        result=None,
    )
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    return TaskView.model_validate(task)


async def serve() -> None:
    """Serve until the process is ended."""
    server = HttpServer(app, host="127.0.0.1", port=0, limits=LIMITS)
    await server.start()
    print(GREETING, server.url.rpartition(":")[2], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
