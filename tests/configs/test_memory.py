"""Free memory is the host's, or what the limits of the process's control groups leave of it."""

import pytest

from configs.memory import free_memory
from tests.containers import CACHED, USED, limit_memory, write_files


def test_memory_is_what_the_machine_or_its_control_group_has(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 16 kB\nMemAvailable: 8192 kB\n")
    assert free_memory(tmp_path, tmp_path / "none") == 8 << 20
    write_files(
        tmp_path,
        **{"memory.max": "6000000", "memory.current": "5000000", "memory.stat": "anon 1\ninactive_file 500000\n"},
    )
    assert free_memory(tmp_path, tmp_path) == 1_500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path, tmp_path) == 8 << 20
    assert free_memory(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_has_what_its_limit_leaves(tmp_path, version):
    assert free_memory(*limit_memory(tmp_path, 5_000_000, version=version)) == 5_000_000
    assert free_memory(*limit_memory(tmp_path, 1 << 40, version=version)) == 64 << 30


def test_a_container_over_its_limit_has_nothing(tmp_path):
    assert free_memory(*limit_memory(tmp_path, -1)) == 0


def test_version_1_without_a_limit_has_the_hosts(tmp_path):
    assert free_memory(*limit_memory(tmp_path, 9_223_372_036_854_771_712 - USED + CACHED, version=1)) == 64 << 30


@pytest.mark.parametrize("limited", ["system.slice", "system.slice/jokebot.service"])
def test_a_service_has_what_the_tightest_of_its_groups_leaves(tmp_path, limited):
    """Outside a container the limit is at the process's own group or at one above it: MemoryMax= of systemd, Slurm."""
    write_files(tmp_path / "proc", meminfo="MemAvailable: 67108864 kB\n")
    write_files(tmp_path / "proc/self", cgroup="0::/system.slice/jokebot.service\n")
    for group in ("system.slice", "system.slice/jokebot.service", "system.slice/other.service"):
        limit = "7000000" if group == limited else "1" if "other" in group else "max"
        write_files(
            tmp_path / "cgroup" / group, **{"memory.max": limit, "memory.current": "4000000", "memory.stat": ""}
        )
    assert free_memory(tmp_path / "proc", tmp_path / "cgroup") == 3_000_000


def test_memory_of_this_host_is_known():
    assert free_memory() > 0
