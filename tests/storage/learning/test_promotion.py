"""A deployment changes models, run and datasets in one transaction, and can be rolled back."""

import pytest

from storage.chat.jokes import NewJoke, add_joke
from storage.learning import datasets, models, promotion, runs, tainted_models
from storage.learning.datasets import RecordRow
from storage.learning.models import NewModel, RegistryError
from storage.maintenance.forget_person import forget_rows
from storage.maintenance.model_cleanup import list_removable_models
from storage.media.photos import add_photo, check_photo

PROMOTE = {"answer": "promote", "reasons": ["Better."], "measures": {"nll": 1.5}}


@pytest.fixture
async def base(database):
    return await models.register_base(database, "base", "/models/base")


@pytest.fixture
def made(database, base):
    """A run up to its candidate, on a dataset of its own: `await made(joke, …)` gives the run in judging."""

    async def make(*jokes, start=None):
        run = await runs.create_run(database, "command")
        dataset, serving = f"dataset-{run.id}", await models.get_champion(database)
        await datasets.register_dataset(
            database, dataset, "ratings", [RecordRow(f"joke-{joke}", "train", joke) for joke in jokes]
        )
        run = await runs.advance(database, run, "exporting", model_name=f"run-{run.id}")
        run = await runs.advance(database, run, "training", dataset=dataset)
        await datasets.mark_dataset(database, dataset, "trained")
        run = await runs.advance(database, run, "merging")
        return await promotion.record_merge(
            database,
            run,
            NewModel(
                f"run-{run.id}",
                serving.id,
                base.id,
                (start or base).id,
                dataset,
                run.id,
                f"/models/run-{run.id}",
                "sha",
                "{}",
            ),
        )

    return make


@pytest.fixture
def promoted(database, made):
    """A run that ended in a promotion; gives its model."""

    async def promote(*jokes, **how):
        run = await made(*jokes, **how)
        await promotion.record_verdict(
            database, run, run.champion_id or (await models.get_champion(database)).id, PROMOTE
        )
        await promotion.promote(database, run.candidate_id, "canary", reason="Liked more.")
        return await models.get_model(database, run.candidate_id)

    return promote


@pytest.fixture
def joke(database, base, tmp_path, scene, encode):
    """A joke about a person's photo; gives its id."""

    async def tell(person, width):
        photo = await add_photo(
            database, tmp_path, check_photo(encode(scene(width)), max_bytes=10**7, max_pixels=10**7), person
        )
        return (
            await add_joke(
                database,
                NewJoke(photo.id, base.id, person, "en", "pun", None, "Ask", f"Ha {width}", 1, 1, 9, None, None, 0.1),
            )
        ).id

    return tell


async def statuses(database):
    return {model.name: model.status for model in await models.all_models(database)}


async def test_a_candidate_goes_from_judging_over_canary_into_service(database, base, made):
    run = await made()
    assert await statuses(database) == {"base": "champion", "run-1": "candidate"}
    run = await promotion.record_verdict(database, run, base.id, PROMOTE)
    assert (run.state, run.judged["measures"], run.champion_id) == ("canary", {"nll": 1.5}, base.id)
    assert (await promotion.begin_canary(database, run)).status == "canary"
    change = await promotion.promote(database, run.candidate_id, "canary", reason="Liked more.")
    assert (change.model_id, change.replaced_id) == (run.candidate_id, base.id)
    assert await statuses(database) == {"base": "base", "run-1": "champion"}
    run = await runs.get_run(database, run.id)
    assert (run.state, run.reason) == ("promoted", "Liked more.")
    assert (await datasets.get_dataset(database, "dataset-1")).state == "learnt"
    assert await promotion.list_promotions(database) == [change]
    assert (await models.get_model(database, run.candidate_id)).measured == {"gate": {"nll": 1.5}}


async def test_a_verdict_on_another_champion_counts_for_nothing(database, base, promoted, made):
    other = await promoted()
    run = await made()
    with pytest.raises(promotion.ChampionChanged):
        await promotion.record_verdict(database, run, base.id, PROMOTE)
    assert (await runs.get_run(database, run.id)).state == "judging"
    assert (
        await promotion.record_verdict(database, run, other.id, {**PROMOTE, "answer": "reject", "reasons": ["Worse."]})
    ).state == "rejected"
    assert (await models.get_model(database, "run-2")).status == "rejected"
    with pytest.raises(RegistryError, match="rejected"):
        await promotion.promote(database, run.candidate_id, "admin")


async def test_a_rollback_goes_back_step_by_step_and_makes_later_jokes_new_again(database, base, promoted):
    first, second = await promoted(), await promoted()
    assert {one.name: one.state for one in await datasets.all_datasets(database)} == {
        "dataset-1": "learnt",
        "dataset-2": "learnt",
    }
    assert (await promotion.get_previous_champion(database)).id == first.id
    await promotion.rollback(database, "watch", reason="Liked less.")
    assert await statuses(database) == {"base": "base", "run-1": "champion", "run-2": "rejected"}
    assert {one.name: one.state for one in await datasets.all_datasets(database)} == {
        "dataset-1": "learnt",
        "dataset-2": "trained",
    }
    await promotion.rollback(database)
    assert await statuses(database) == {"base": "champion", "run-1": "retired", "run-2": "rejected"}
    assert {one.state for one in await datasets.all_datasets(database)} == {"trained"}
    with pytest.raises(RegistryError, match="no earlier model"):
        await promotion.rollback(database)
    assert (await models.get_model(database, second.id)).reason == "Liked less."


async def test_a_change_of_champion_ends_another_models_trial(database, base, promoted, made):
    await promoted()
    run = await made()
    run = await promotion.record_verdict(database, run, (await models.get_champion(database)).id, PROMOTE)
    await promotion.begin_canary(database, run)
    await promotion.rollback(database)
    assert (await runs.get_run(database, run.id)).state == "cancelled"
    assert (await models.get_model(database, run.candidate_id)).status == "candidate"
    with pytest.raises(runs.RunStateChanged):
        await promotion.begin_canary(database, run)


async def test_a_model_that_is_being_judged_does_not_enter_service(database, base, made):
    run = await made()
    with pytest.raises(RegistryError, match="is being judged by run 1"):
        await promotion.promote(database, run.candidate_id, "admin")
    await promotion.record_verdict(database, run, base.id, {**PROMOTE, "answer": "undecided"})
    await promotion.promote(database, run.candidate_id, "admin")


async def test_the_time_that_a_run_will_take_is_told_from_the_last_ones_and_the_rows(database, base, made, joke):
    assert await runs.expected_seconds(database, 100) is None
    jokes = [await joke(7, 320), await joke(7, 321)]
    for number, training in enumerate((10, 30, 20)):
        run = await promotion.record_verdict(database, await made(*jokes), base.id, {**PROMOTE, "answer": "reject"})
        async with database.write() as connection:
            for state, at in (
                ("queued", 0),
                ("exporting", 0),
                ("training", 0),
                ("merging", training),
                ("judging", training),
                ("rejected", training + 5),
            ):
                await connection.execute(
                    "UPDATE run_states SET at = ? WHERE run_id = ? AND state = ?", (run.created_at + at, run.id, state)
                )
        assert await runs.expected_seconds(database, 2) == pytest.approx((15, 35, 25)[number])
    assert await runs.expected_seconds(database, 4) == pytest.approx(2 * 20 + 5)


async def test_an_undecided_trial_leaves_a_candidate_for_an_admin(database, base, made):
    run = await promotion.record_verdict(database, await made(), base.id, PROMOTE)
    ended = await promotion.end_run(database, run, "undecided", "1,000 ratings say neither.")
    assert ended.finished and (await models.get_model(database, run.candidate_id)).status == "candidate"
    with pytest.raises(ValueError, match="undecided doesn't become"):
        await promotion.end_run(database, ended, "rejected", "")
    assert (await promotion.promote(database, run.candidate_id, "admin", asked_by=7)).asked_by == 7
    with pytest.raises(RegistryError, match="already"):
        await promotion.promote(database, run.candidate_id, "admin")


async def test_models_that_saw_a_forgotten_person_never_serve_again(database, base, promoted, joke):
    theirs, other = await joke(7, 320), await joke(8, 400)
    tainted = await promoted(theirs)
    child = await promoted(other, start=tainted)
    assert await tainted_models.list_tainted_models(database) == []
    await forget_rows(database, 7)
    assert [model.id for model in await tainted_models.list_tainted_models(database)] == [tainted.id, child.id]
    # It still serves, until a clean one takes its place; nothing goes back to the ones before.
    assert (await promotion.get_previous_champion(database)).id == base.id
    with pytest.raises(RegistryError, match="forgotten"):
        await promotion.promote(database, tainted.id, "admin")
    clean = await promoted(other)
    assert await statuses(database) == {"base": "base", "run-1": "retired", "run-2": "retired", "run-3": "champion"}
    assert (await promotion.get_previous_champion(database)).id == base.id
    assert "forgotten" in (await models.get_model(database, child.id)).reason
    assert {model.id for model in await list_removable_models(database, keep=9)} == {tainted.id, child.id}
    assert (await models.get_model(database, clean.id)).status == "champion"


async def test_a_person_who_is_forgotten_during_the_judging_keeps_the_candidate_out_of_its_trial(
    database, base, made, joke
):
    run = await made(await joke(7, 320))
    await forget_rows(database, 7)
    with pytest.raises(tainted_models.ModelTainted):
        await promotion.record_verdict(database, run, base.id, PROMOTE)
    assert (await runs.get_run(database, run.id)).state == "judging"


async def test_files_of_models_that_are_needed_are_never_removable(database, base, promoted, made):
    first, second, third = await promoted(), await promoted(), await promoted()
    run = await made()
    assert [model.id for model in await list_removable_models(database, keep=0)] == [first.id]
    assert await list_removable_models(database, keep=1) == []
    assert run.candidate_id not in {model.id for model in await list_removable_models(database, keep=0)}
    for kept in (third, base):
        with pytest.raises(RegistryError, match="stay"):
            await models.mark_files_removed(database, kept.id)
    await models.mark_files_removed(database, first.id)
    with pytest.raises(RegistryError, match="removed"):
        await promotion.promote(database, first.id, "admin")
    await runs.advance(database, run, "cancelled")
    assert [model.id for model in await list_removable_models(database, keep=0)] == [run.candidate_id]
    assert (await promotion.get_previous_champion(database)).id == second.id


async def test_a_base_without_files_gets_them_and_keeps_them(database):
    await models.register_base(database, "base", None)
    known = await models.register_base(database, "base", "/models/base", "sha", '{"modeling.py": "ab"}')
    assert (known.directory, known.digest, known.status) == ("/models/base", "sha", "champion")
    assert await models.register_base(database, "base", "/elsewhere") == known
    assert await models.get_model(database, "base") == await models.get_model(database, known.id) == known
    with pytest.raises(RegistryError, match="no model 12"):
        await models.get_model(database, "12")


async def test_the_champion_is_not_put_aside(database, base, made):
    run = await made()
    with pytest.raises(RegistryError):
        await models.retire_model(database, base.id)
    assert (await models.retire_model(database, run.candidate_id, "rejected", "Rude.")).reason == "Rude."
