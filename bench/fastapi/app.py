"""The same endpoint on FastAPI, with one volatile background task. Environment: TASK_MS and TASK_LOG as in http-server.ts."""
import asyncio
import os

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
task_seconds = float(os.environ.get("TASK_MS", "0")) / 1000
log = os.open(os.environ["TASK_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT) if "TASK_LOG" in os.environ else None
count = {"added": 0, "ran": 0}


async def send_welcome(n: int, to: str, template: str) -> None:
    if task_seconds > 0:
        await asyncio.sleep(task_seconds)
    count["ran"] += 1
    if log is not None:
        os.write(log, b"%d\n" % n)


def add(background_tasks: BackgroundTasks) -> int:
    count["added"] += 1
    background_tasks.add_task(send_welcome, count["added"], "someone@example.org", "welcome")
    return count["added"]


@app.get("/")
async def index(background_tasks: BackgroundTasks):
    add(background_tasks)
    return {"ok": True}


@app.get("/numbered")
async def numbered(background_tasks: BackgroundTasks):
    return {"n": "%08d" % add(background_tasks)}


@app.get("/account")
async def account():
    return count
