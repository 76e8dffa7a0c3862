"""Runs: attempts to make a new model, each a row that moves from state to state.

    queued → exporting → training → merging → judging → canary → promoted | rejected | undecided | failed | cancelled

The pipeline process (`trainer/pipeline/`) moves a run up to canary, the bot from there on. Every transition is a
compare-and-set on the previous state, in one transaction with the related changes: if two processes change the same
run, one gets a RunStateChanged and changes nothing. The database has at most one unfinished run. A row doesn't lock a
run: the process that executes it holds the file lock of `trainer/pipeline/workspace.py`, which ends with the process,
so that another process can resume the run.
"""

import json
import time
from dataclasses import dataclass
from typing import Any, TypeVar

import aiosqlite

from configs.errors import JokebotError
from storage.database import Database, sqlite_integer
from storage.learning.reasons import EndReason, ReasonLike

STEPS = ("queued", "exporting", "training", "merging", "judging")
"""States that the pipeline process executes; the bot executes `canary`."""
UNFINISHED = (*STEPS, "canary")
FINISHED = ("promoted", "rejected", "undecided", "failed", "cancelled")
AT_ANY_TIME = {"failed", "cancelled"}
NEXT = {
    "queued": {"exporting"},
    "exporting": {"training", "undecided"},
    "training": {"merging", "exporting"},
    "merging": {"judging", "exporting"},
    "judging": {"canary", "rejected", "undecided", "exporting"},
    "canary": {"promoted", "rejected", "undecided"},
}
"""Transitions besides AT_ANY_TIME. A run goes back to exporting if a user with rows in its dataset was forgotten."""
CHANGEABLE = {"dataset", "model_name", "champion_id", "start_id", "candidate_id", "verdict", "restarts"}

T = TypeVar("T")


class RunError(JokebotError):
    """A run can't be created or changed; the message has the cause and the remedy."""


class RunStateChanged(RunError):
    """Another process has changed the run's state; nothing was changed."""


class RunInProgress(RunError):
    """There is an unfinished run, `run`."""

    def __init__(self, run: "Run") -> None:
        state = "on trial in the chats" if run.state == "canary" else run.state
        super().__init__(
            f"Run {run.id} is {state}; there is one run at a time. `jokebot runs {run.id}` shows how far it is."
        )
        self.run = run


def require(value: T | None) -> T:
    """A field of a run that its state guarantees. Raises ValueError if it is None."""
    if value is None:
        raise ValueError("a field of the run is missing that its state requires")
    return value


@dataclass(frozen=True)
class Run:
    """A run's row.

    `started_by` is schedule, pairs, admin or command; `verdict` is the gate's verdict as JSON; times are seconds since
    1970.

    `given_dataset` is the requested dataset of a run that doesn't export its own; `dataset` is the one it trains on.
    `reason` is a sentence, `cause` its code and values for translation; `why` combines both.
    """

    id: int
    state: str
    reason: str
    started_by: str
    asked_by: int | None
    given_dataset: str | None
    dataset: str | None
    model_name: str | None
    champion_id: int | None
    start_id: int | None
    candidate_id: int | None
    verdict: str | None
    attempts: int
    restarts: int
    cancel_at: float | None
    created_at: float
    finished_at: float | None
    cause: str

    @property
    def why(self) -> EndReason:
        return EndReason.read(self.reason, self.cause)

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def judged(self) -> dict[str, Any]:
        """The gate's verdict, decoded; empty before the gate's verdict."""
        return json.loads(self.verdict) if self.verdict else {}


async def create_run(
    database: Database, started_by: str, *, asked_by: int | None = None, dataset: str | None = None
) -> Run:
    """Queue a run; `dataset` names the one to train on instead of an export. Raises RunInProgress."""
    now = time.time()
    async with database.write() as connection:
        if unfinished := await _unfinished(connection):
            raise RunInProgress(unfinished)
        async with connection.execute(
            "INSERT INTO runs (started_by, asked_by, given_dataset, created_at) VALUES (?, ?, ?, ?) RETURNING *",
            (started_by, asked_by, dataset, now),
        ) as cursor:
            (row,) = await cursor.fetchall()
        run = Run(**dict(row))
        await connection.execute("INSERT INTO run_states VALUES (?, 'queued', ?)", (run.id, now))
    return run


async def get_run(database: Database, run_id: int) -> Run:
    """The run. Raises RunError for an unknown id."""
    row = await database.row("SELECT * FROM runs WHERE id = ?", (sqlite_integer(run_id),))
    if row is None:
        raise RunError(f"There is no run {run_id}; `jokebot runs` lists them.")
    return Run(**dict(row))


async def current_run(database: Database) -> Run | None:
    """The unfinished run, or None."""
    row = await database.row(_CURRENT)
    return Run(**dict(row)) if row else None


async def list_runs(database: Database, limit: int = 20) -> list[Run]:
    """The latest runs, newest first."""
    rows = await database.rows("SELECT * FROM runs ORDER BY id DESC LIMIT ?", (sqlite_integer(limit),))
    return [Run(**dict(row)) for row in rows]


async def list_states(database: Database, run_id: int) -> list[tuple[str, float]]:
    """The states that a run entered, with the times, in order. A restarted run enters some states again."""
    rows = await database.rows("SELECT state, at FROM run_states WHERE run_id = ? ORDER BY rowid", (run_id,))
    return [(row["state"], row["at"]) for row in rows]


async def advance(database: Database, run: Run, to: str, *, reason: ReasonLike = "", **changes: Any) -> Run:
    """Move a run from `run.state` to another state and change columns of CHANGEABLE. Returns the new row.

    Raises RunStateChanged if the run is in another state, ValueError for a transition that is not in NEXT.
    """
    async with database.write() as connection:
        return await advance_within(connection, run, to, reason=reason, **changes)


async def advance_within(
    connection: aiosqlite.Connection, run: Run, to: str, *, reason: ReasonLike = "", **changes: Any
) -> Run:
    """`advance` within a transaction of the caller."""
    if run.finished or to not in NEXT[run.state] | AT_ANY_TIME:
        raise ValueError(f"a run that is {run.state} doesn't become {to}")
    if not changes.keys() <= CHANGEABLE:
        raise ValueError(f"a transition can't change {', '.join(sorted(changes.keys() - CHANGEABLE))}")
    now, end_reason = time.time(), EndReason.convert(reason)
    values = {
        "state": to,
        "reason": end_reason.text,
        "cause": end_reason.cause,
        "attempts": 0,
        "finished_at": now if to in FINISHED else None,
        **changes,
    }
    assignments = ", ".join(f"{column} = ?" for column in values)
    async with connection.execute(
        f"UPDATE runs SET {assignments} WHERE id = ? AND state = ? RETURNING *", (*values.values(), run.id, run.state)
    ) as cursor:
        row = await cursor.fetchone()
    if row is None:
        raise RunStateChanged(f"Run {run.id} is no longer {run.state}: another process has moved it.")
    await connection.execute("INSERT INTO run_states VALUES (?, ?, ?)", (run.id, to, now))
    return Run(**dict(row))


async def request_cancel(database: Database, run_id: int) -> Run:
    """Request a run's cancellation, for its process or, in canary, the bot. A finished run stays as it is."""
    async with database.write() as connection:
        await connection.execute(
            "UPDATE runs SET cancel_at = coalesce(cancel_at, ?) WHERE id = ? AND finished_at IS NULL",
            (time.time(), run_id),
        )
    return await get_run(database, run_id)


async def count_attempt(database: Database, run: Run, by: int = 1) -> Run:
    """Count an attempt at the current step (1), or undo this (-1) because the step was stopped on purpose.

    Raises RunStateChanged if the run is in another state.
    """
    async with (
        database.write() as connection,
        connection.execute(
            "UPDATE runs SET attempts = max(attempts + ?, 0) WHERE id = ? AND state = ? RETURNING *",
            (by, run.id, run.state),
        ) as cursor,
    ):
        row = await cursor.fetchone()
    if row is None:
        raise RunStateChanged(f"Run {run.id} is no longer {run.state}: another process has moved it.")
    return Run(**dict(row))


async def record_reason(database: Database, run: Run, reason: JokebotError) -> Run:
    """Record why the current step must be restarted, if the run is still in its state. Returns the current row."""
    async with database.write() as connection:
        last_reason = EndReason.convert(reason)
        await connection.execute(
            "UPDATE runs SET reason = ?, cause = ? WHERE id = ? AND state = ?",
            (last_reason.text, last_reason.cause, run.id, run.state),
        )
    return await get_run(database, run.id)


async def get_concluded_run(database: Database, dataset: str) -> Run | None:
    """The latest run that trained on this dataset and was promoted, rejected or undecided, or None."""
    row = await database.row(
        "SELECT * FROM runs WHERE dataset = ? AND candidate_id IS NOT NULL AND state IN ('promoted', 'rejected', "
        "'undecided') "
        "ORDER BY id DESC LIMIT 1",
        (dataset,),
    )
    return Run(**dict(row)) if row else None


async def list_unused_model_names(database: Database) -> set[str]:
    """Model names of finished runs that registered no model."""
    rows = await database.rows(
        "SELECT model_name FROM runs WHERE finished_at IS NOT NULL AND candidate_id IS NULL AND model_name IS NOT NULL"
    )
    return {row["model_name"] for row in rows}


async def expected_seconds(database: Database, rows: int, latest: int = 5) -> float | None:
    """Expected seconds from queued to the gate's verdict of a run on so many rows; None before the first verdict.

    The median over the last judged runs, with their training time scaled by the number of rows.
    """
    finished = await database.rows(
        "SELECT id, (SELECT count(*) FROM dataset_rows JOIN datasets ON datasets.id = dataset_id WHERE name = "
        "dataset AND part = 'train') AS rows "
        "FROM runs WHERE verdict IS NOT NULL AND restarts = 0 ORDER BY id DESC LIMIT ?",
        (latest,),
    )
    estimates = []
    for run in finished:
        entered = await list_states(database, run["id"])
        lasted = {
            state: later - at for (state, at), (_, later) in zip(entered, entered[1:], strict=False) if state in STEPS
        }
        training = lasted.pop("training", 0.0)
        estimates.append(sum(lasted.values()) + training * (rows / run["rows"] if run["rows"] else 1.0))
    return sorted(estimates)[len(estimates) // 2] if estimates else None


_CURRENT = "SELECT * FROM runs WHERE state IN ('queued', 'exporting', 'training', 'merging', 'judging', 'canary')"


async def _unfinished(connection: aiosqlite.Connection) -> Run | None:
    async with connection.execute(_CURRENT) as cursor:
        row = await cursor.fetchone()
    return Run(**dict(row)) if row else None
