"""A job queue in one SQLite file, for programs that need retries but no server.

Producers call `put`, workers call `run`. A job that a worker has taken is hidden until its
lease ends; a worker that dies therefore gives its job back without anybody noticing the
death. Failures are retried with growing pauses until the attempts are used up.
"""

import json
import logging
import random
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    visible_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'ready'
);
CREATE INDEX IF NOT EXISTS job_ready ON job (state, visible_at);
"""

Handler = Callable[[dict[str, Any]], None]


class JobError(Exception):
    """Raised by a handler to give up at once, without a retry."""


@dataclass
class Job:
    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int


class Queue:
    def __init__(self, path: str, *, lease: float = 60.0, max_attempts: int = 5) -> None:
        self.lease = lease
        self.max_attempts = max_attempts
        self.handlers: dict[str, Handler] = {}
        self.db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self.db.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        else:
            cursor.execute("COMMIT")

    def handler(self, kind: str) -> Callable[[Handler], Handler]:
        """Registers the decorated function for jobs of this kind."""

        def register(function: Handler) -> Handler:
            if kind in self.handlers:
                raise ValueError(f"kind {kind!r} already has a handler")
            self.handlers[kind] = function
            return function

        return register

    def put(self, kind: str, payload: dict[str, Any], delay: float = 0.0) -> int:
        row = (kind, json.dumps(payload, sort_keys=True), time.time() + delay)
        with self._transaction() as cursor:
            cursor.execute("INSERT INTO job (kind, payload, visible_at) VALUES (?, ?, ?)", row)
            return cursor.lastrowid or 0

    def take(self) -> Optional[Job]:
        """Leases the job that has waited longest, if there is one."""
        now = time.time()
        with self._transaction() as cursor:
            row = cursor.execute(
                "SELECT id, kind, payload, attempts FROM job"
                " WHERE state = 'ready' AND visible_at <= ?"
                " ORDER BY visible_at LIMIT 1",
                (now,),
            ).fetchone()
            if row is None:
                return None
            job = Job(row[0], row[1], json.loads(row[2]), row[3] + 1)
            cursor.execute(
                "UPDATE job SET attempts = ?, visible_at = ? WHERE id = ?",
                (job.attempts, now + self.lease, job.id),
            )
        return job

    def finish(self, job: Job) -> None:
        self.db.execute("DELETE FROM job WHERE id = ?", (job.id,))

    def retry_later(self, job: Job) -> None:
        if job.attempts >= self.max_attempts:
            self.bury(job, "out of attempts")
            return
        # Full jitter: many jobs that failed together must not come back together.
        pause = random.uniform(0, min(300.0, 2.0**job.attempts))
        self.db.execute(
            "UPDATE job SET visible_at = ? WHERE id = ?", (time.time() + pause, job.id)
        )

    def bury(self, job: Job, reason: str) -> None:
        log.error("job %d (%s) is given up: %s", job.id, job.kind, reason)
        self.db.execute("UPDATE job SET state = 'dead' WHERE id = ?", (job.id,))

    def run_one(self) -> bool:
        job = self.take()
        if job is None:
            return False
        handler = self.handlers.get(job.kind)
        if handler is None:
            self.bury(job, "no handler for this kind")
            return True
        started = time.perf_counter()
        try:
            handler(job.payload)
        except JobError as error:
            self.bury(job, str(error))
        except Exception:
            log.exception("job %d (%s) failed, attempt %d", job.id, job.kind, job.attempts)
            self.retry_later(job)
        else:
            self.finish(job)
            log.info("job %d took %.3f s", job.id, time.perf_counter() - started)
        return True

    def run(self, idle_pause: float = 0.5, stop: Callable[[], bool] = lambda: False) -> None:
        while not stop():
            if not self.run_one():
                time.sleep(idle_pause)

    def counts(self) -> dict[str, int]:
        rows = self.db.execute("SELECT state, COUNT(*) FROM job GROUP BY state")
        return {state: count for state, count in rows}
