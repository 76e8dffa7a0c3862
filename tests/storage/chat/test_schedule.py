"""A due job is claimed once, also if several times were missed or several callers claim it."""

import asyncio

from storage.chat import control_requests, schedule


async def test_missed_times_are_met_once(database):
    assert await schedule.get_due_time(database, "retrain") is None
    assert not await schedule.claim_due_job(database, "retrain", 200, now=100)
    await schedule.set_due_time(database, "retrain", 50)
    assert not await schedule.claim_due_job(database, "retrain", 150, now=49)
    taken = await asyncio.gather(*(schedule.claim_due_job(database, "retrain", 150, now=100) for _ in range(5)))
    assert sorted(taken) == [False] * 4 + [True]
    assert await schedule.get_due_time(database, "retrain") == 150
    await schedule.delete_due_time(database, "retrain")
    assert await schedule.get_due_time(database, "retrain") is None


async def test_a_request_is_answered_once(database):
    number = await control_requests.add_request(database, "rollback")
    assert [(one.kind, one.answer) for one in await control_requests.list_pending_requests(database)] == [
        ("rollback", None)
    ]

    async def obey():
        await control_requests.record_answer(database, number, "Model 1 serves again.", done=True)
        await control_requests.record_answer(database, number, "twice?", done=False)

    answered, _ = await asyncio.gather(
        control_requests.wait_for_answer(database, number, wait_s=20, poll_s=0.01), obey()
    )
    assert (answered.answer, answered.done) == ("Model 1 serves again.", True)
    assert await control_requests.list_pending_requests(database) == []


async def test_a_request_that_nobody_hears_is_withdrawn(database):
    number = await control_requests.add_request(database, "rollback")
    answered = await control_requests.wait_for_answer(database, number, wait_s=0.02, poll_s=0.01)
    assert not answered.done and "not answered" in answered.answer
    assert await control_requests.list_pending_requests(database) == []
