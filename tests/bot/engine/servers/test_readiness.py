"""Rules of the servers: plausible texts, each server's cores, and reasons from last lines."""

import os
import sys

import psutil
import pytest

from bot.engine.servers.cpu_affinity import assign_cores, pin_process, split_cores
from bot.engine.servers.readiness import is_plausible_text
from bot.engine.servers.server_process import diagnose_exit, is_port_taken
from bot.runtime.child_process import start_child


@pytest.mark.parametrize(
    "text",
    [
        "A cat walks into a bar.",
        "猫走进了酒吧。",
        "哈哈哈哈哈！这只猫真会玩。",
        "No.",
        "喵",
        "Hahahaha, that hat!",
        "3",
        "🐱 meow",
    ],
)
def test_a_joke_is_a_text(text):
    assert is_plausible_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "!!!!!!!!!!!!",
        "…………",
        "nan",
        "NaN.",
        "aaaaaaaaaaaaaaaaaaaaaaaa b",
        "\ufffd\ufffd\ufffda",
        "的的的的的的的的的的",
        "?!?!?!",
    ],
)
def test_what_a_broken_checkpoint_says_is_none(text):
    assert not is_plausible_text(text)


@pytest.mark.parametrize(("cores", "parts"), [(16, 5), (16, 1), (2, 2), (7, 3)])
def test_cores_are_shared_out_without_a_common_one(cores, parts):
    shares = split_cores(range(cores), parts)
    assert sorted(core for share in shares for core in share) == list(range(cores))
    assert len(shares) == parts and max(map(len, shares)) - min(map(len, shares)) <= 1


def test_with_more_servers_than_cores_each_has_one():
    assert split_cores([3, 8], 5) == [[3], [8], [3], [8], [3]]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_server_its_threads_and_what_it_starts_later_stay_on_its_cores():
    code = (
        "import subprocess, sys, threading, time\nthreading.Thread(target=time.sleep, args=(600,), "
        "daemon=True).start()\n"
        "print('listening on http://127.0.0.1:1', flush=True); sys.stdin\nwhile True: time.sleep(0.1); "
        "subprocess.run(['true'])"
    )
    cores = sorted(os.sched_getaffinity(0))
    with (
        start_child("one", [sys.executable, "-c", code]) as one,
        start_child("two", [sys.executable, "-c", code]) as two,
    ):
        for child in (one, two):
            child.wait_ready()
        assign_cores([one.pid, two.pid])
        shares = [
            {
                core
                for process in [psutil.Process(child.pid), *psutil.Process(child.pid).children()]
                for core in process.cpu_affinity()
            }
            for child in (one, two)
        ]
        assert not shares[0] & shares[1] and sorted(shares[0] | shares[1]) == cores
        server = psutil.Process(two.pid).children()[0]
        assert {frozenset(os.sched_getaffinity(thread.id)) for thread in server.threads()} == {frozenset(shares[1])}
        assign_cores([two.pid])
        assert server.cpu_affinity() == cores
    pin_process(two.pid, cores)  # a process that has ended is no error


def test_last_lines_are_told_in_the_words_of_who_runs_the_bot():
    assert "servers.count" in diagnose_exit(
        ["Traceback …", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB."]
    )
    assert "nvidia-smi" in diagnose_exit(["RuntimeError: Found no NVIDIA driver on your system."])
    assert "host's memory" in diagnose_exit(["numpy: MemoryError: Unable to allocate"])
    assert diagnose_exit(["all is well"]) == "" and not is_port_taken("all is well")
    assert is_port_taken(
        "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 23333): address already in use"
    )
