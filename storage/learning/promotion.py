"""Promotion and rollback. Each changes models, runs and datasets in one transaction."""

import json
import time
from dataclasses import dataclass
from typing import Any

import aiosqlite

from storage.database import Database
from storage.judge.registry import bring_back_judge
from storage.learning import models, runs
from storage.learning.models import Model, NewModel, RegistryError
from storage.learning.reasons import EndReason, ReasonLike
from storage.learning.run_files import GateAnswer
from storage.learning.runs import Run
from storage.learning.tainted_models import FORGOTTEN_DATA, TAINTED, ModelTainted, is_tainted

KINDS = ("canary", "admin", "rollback", "watch")
"""Causes of a deployment: trial, admin, rollback by an admin, rollback by the champion monitor."""
STATE_AFTER = {GateAnswer.PROMOTE: "canary", GateAnswer.REJECT: "rejected", GateAnswer.UNDECIDED: "undecided"}
"""The run's state by the gate's answer."""
MAY_SERVE = ("base", "candidate", "canary", "retired")


class ChampionChanged(RegistryError):
    """The champion has changed since the comparison."""


@dataclass(frozen=True)
class Promotion:
    """Model `model_id` replaced `replaced_id`; `kind` is one of KINDS, `at` seconds since 1970."""

    id: int
    model_id: int
    replaced_id: int | None
    kind: str
    reason: str
    asked_by: int | None
    at: float


async def record_merge(database: Database, run: Run, new: NewModel) -> Run:
    """Register a run's model as a candidate and move the run to judging. Raises RunStateChanged."""
    async with database.write() as connection:
        candidate = await models.add_candidate(connection, new)
        return await runs.advance_within(connection, run, "judging", candidate_id=candidate.id)


async def record_verdict(database: Database, run: Run, compared_with: int, verdict: dict[str, Any]) -> Run:
    """Record the gate's verdict (the JSON of a `GateVerdict`) and move the run to canary, rejected or undecided.

    The verdict's measures are stored as `gate` in the model's measures. Raises ChampionChanged if `compared_with` is no
    longer the champion, ModelTainted, RunStateChanged.
    """
    to = STATE_AFTER[GateAnswer(verdict["answer"])]
    reason = EndReason(" ".join(verdict["reasons"]), "gate", {"codes": verdict.get("codes", [])})
    candidate_id = runs.require(run.candidate_id)
    async with database.write() as connection:
        serving = await models.select_model(connection, "status = 'champion'")
        if serving is None or serving.id != compared_with:
            raise ChampionChanged(
                f"Model {compared_with}, which the candidate was compared with, is no longer in service."
            )
        if to == "canary" and await is_tainted(connection, candidate_id):
            raise ModelTainted(candidate_id)
        moved = await runs.advance_within(
            connection,
            run,
            to,
            reason=reason,
            verdict=json.dumps(verdict, ensure_ascii=False),
            champion_id=compared_with,
        )
        await models.set_status(connection, candidate_id, "rejected" if to == "rejected" else "candidate", reason.text)
        await connection.execute(
            "UPDATE models SET measures = json_set(measures, '$.gate', json(?)) WHERE id = ?",
            (json.dumps(verdict.get("measures", {}), ensure_ascii=False), candidate_id),
        )
        return moved


async def begin_canary(database: Database, run: Run) -> Model:
    """Set the status of the candidate of a run in canary to canary.

    A repeated call changes nothing. Raises RunStateChanged.
    """
    candidate_id = runs.require(run.candidate_id)
    async with database.write() as connection:
        async with connection.execute("SELECT 1 FROM runs WHERE id = ? AND state = 'canary'", (run.id,)) as cursor:
            if not await cursor.fetchone():
                raise runs.RunStateChanged(f"Run {run.id} is no longer in canary.")
        await models.set_status(connection, candidate_id, "canary", "")
        return await models.select_existing_model(connection, "id = ?", (candidate_id,))


async def end_run(database: Database, run: Run, to: str, reason: ReasonLike) -> Run:
    """End a run without a promotion: `rejected`, `undecided`, `failed` or `cancelled`. Raises RunStateChanged.

    The candidate of a rejected run is rejected; any other stays a candidate, for `/promote N`.
    """
    async with database.write() as connection:
        return await _end(connection, run, to, reason)


async def promote(
    database: Database, model_id: int, kind: str, *, reason: ReasonLike = "", asked_by: int | None = None
) -> Promotion:
    """Deploy a model in one transaction.

    The champion becomes its predecessor, exactly the datasets that the new champion was trained on become `learnt`, its
    run is promoted, and a trial of another model ends. Tainted models are retired. Raises RegistryError if the model
    may not serve.
    """
    async with database.write() as connection:
        model = await _ensure_servable(connection, model_id)
        return await _swap(connection, model, kind, reason, asked_by)


async def rollback(
    database: Database, kind: str = "rollback", *, reason: ReasonLike = "", asked_by: int | None = None
) -> Promotion:
    """Deploy the previous champion. The champion is retired, or rejected by the champion monitor (kind `watch`).

    Raises RegistryError if there is no earlier model that may serve.
    """
    async with database.write() as connection:
        back = await _previous_champion(connection)
        if back is None:
            raise RegistryError("There is no earlier model to go back to.", code="no-way-back")
        return await _swap(connection, back, kind, reason, asked_by)


async def ensure_servable(database: Database, model_id: int) -> Model:
    """The model, if it may be promoted. Raises RegistryError with the cause if not."""
    async with database.write() as connection:
        return await _ensure_servable(connection, model_id)


async def get_previous_champion(database: Database) -> Model | None:
    """The model that `rollback` would deploy, or None: the nearest earlier champion that may serve, else the base."""
    async with database.write() as connection:
        return await _previous_champion(connection)


async def list_promotions(database: Database, limit: int = 20) -> list[Promotion]:
    """The latest deployments, newest first."""
    return [
        Promotion(**dict(row))
        for row in await database.rows("SELECT * FROM promotions ORDER BY id DESC LIMIT ?", (limit,))
    ]


async def _ensure_servable(connection: aiosqlite.Connection, model_id: int) -> Model:
    model = await models.select_model(connection, "id = ?", (model_id,))
    if model is None:
        raise RegistryError(
            f"There is no model {model_id}; `jokebot models` lists them.", code="no-such-model", model=model_id
        )
    if model.status == "champion":
        raise RegistryError(f"Model {model_id} is in service already.", code="in-service", model=model_id)
    async with connection.execute(
        "SELECT id, state FROM runs WHERE candidate_id = ? AND state = 'judging'", (model_id,)
    ) as cursor:
        judging = await cursor.fetchone()
    if judging:
        raise RegistryError(
            f"Model {model_id} is being judged by run {judging['id']}. Wait for its verdict, or cancel the run.",
            code="being-judged",
            model=model_id,
            run=judging["id"],
        )
    if model.status not in MAY_SERVE:
        raise RegistryError(
            f"Model {model_id} was rejected and doesn't enter service. {model.reason}".rstrip(),
            code="was-rejected",
            model=model_id,
        )
    if model.removed_at:
        raise RegistryError(
            f"The files of model {model_id} were removed, so it can't enter service.",
            code="files-removed",
            model=model_id,
        )
    if await is_tainted(connection, model_id):
        raise ModelTainted(model_id)
    return model


async def _previous_champion(connection: aiosqlite.Connection) -> Model | None:
    serving = await models.select_model(connection, "status = 'champion'")
    seen, step = set(), serving
    while step is not None and step.id not in seen:
        seen.add(step.id)
        earlier = step.predecessor_id or step.base_id
        step = await models.select_model(connection, "id = ?", (earlier,)) if earlier else None
        if step and step.status in MAY_SERVE and not step.removed_at and not await is_tainted(connection, step.id):
            return step
    return None


async def _swap(
    connection: aiosqlite.Connection, model: Model, kind: str, why: ReasonLike, asked_by: int | None
) -> Promotion:
    if kind not in KINDS:
        raise ValueError(f"the kind of a promotion is one of {KINDS}, not {kind!r}")
    reason = EndReason.convert(why).text
    old = await models.select_model(connection, "status = 'champion'")
    if old:
        aside = "base" if old.is_base else "rejected" if kind == "watch" else "retired"
        await models.set_status(
            connection, old.id, aside, reason if kind in ("rollback", "watch") else f"Model {model.id} took its place."
        )
    await models.set_status(connection, model.id, "champion", reason)
    if old and kind not in ("rollback", "watch"):
        await connection.execute("UPDATE models SET predecessor_id = ? WHERE id = ?", (old.id, model.id))
    await _end_trial(connection, model, why)
    if kind in ("rollback", "watch"):
        await bring_back_judge(connection, model.id)
    await _mark_learnt(connection, model.id)
    await connection.execute(
        f"{TAINTED} UPDATE models SET status = 'retired', reason = ? WHERE id IN tainted AND status != 'champion'",
        (FORGOTTEN_DATA,),
    )
    async with connection.execute(
        "INSERT INTO promotions (model_id, replaced_id, kind, reason, asked_by, at) VALUES (?, ?, ?, ?, ?, ?) "
        "RETURNING *",
        (model.id, old.id if old else None, kind, reason, asked_by, time.time()),
    ) as cursor:
        (row,) = await cursor.fetchall()
    return Promotion(**dict(row))


async def _end_trial(connection: aiosqlite.Connection, model: Model, reason: ReasonLike) -> None:
    """End the run in canary: promoted if the new champion is its candidate, else cancelled."""
    async with connection.execute("SELECT * FROM runs WHERE state = 'canary'") as cursor:
        row = await cursor.fetchone()
    if row is None:
        return
    run = Run(**dict(row))
    if run.candidate_id == model.id:
        await runs.advance_within(connection, run, "promoted", reason=reason)
    else:
        text = f"Model {model.id} entered service meanwhile, so there was nothing left to compare with."
        await _end(connection, run, "cancelled", EndReason(text, "overtaken", {"model": model.id}))


async def _end(connection: aiosqlite.Connection, run: Run, to: str, reason: ReasonLike) -> Run:
    moved = await runs.advance_within(connection, run, to, reason=reason)
    if run.candidate_id:
        await models.set_status(
            connection, run.candidate_id, "rejected" if to == "rejected" else "candidate", moved.reason
        )
    return moved


async def _mark_learnt(connection: aiosqlite.Connection, model_id: int) -> None:
    """Mark the datasets of the champion and of its ancestors as `learnt`: a rollback makes later jokes new again."""
    await connection.execute(
        """WITH RECURSIVE line (id) AS (SELECT ? UNION SELECT parent_id FROM models JOIN line USING (id)
           WHERE parent_id IS NOT NULL)
        UPDATE datasets SET state = CASE WHEN name IN (SELECT dataset FROM models WHERE id IN line) THEN 'learnt'
        ELSE 'trained' END
        WHERE state IN ('trained', 'learnt')""",
        (model_id,),
    )
