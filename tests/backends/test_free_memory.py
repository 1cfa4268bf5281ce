"""How much memory is free, as the system says."""

import math

import pytest

from checkgrad.backends import free_memory

KIB = "MemTotal: 100 kB\nMemAvailable:  50 kB\n"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A folder that stands for what the system says; empty at first."""
    monkeypatch.setattr(free_memory, "_SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr(free_memory, "_GROUP", tmp_path)
    return tmp_path


def test_nothing_is_known_where_the_system_says_nothing(system):
    assert free_memory.free_host_memory() == math.inf
    (system / "meminfo").write_text("MemTotal: 100 kB\n")
    assert free_memory.free_host_memory() == math.inf


def test_what_the_system_has_available_is_free(system):
    (system / "meminfo").write_text(KIB)
    assert free_memory.free_host_memory() == 50 * 1024


def test_a_control_group_may_leave_less(system):
    (system / "meminfo").write_text(KIB)
    for name, text in {"max": "9000\n", "current": "8000\n", "stat": "anon 1\n"}.items():
        (system / f"memory.{name}").write_text(text)
    assert free_memory.free_host_memory() == 1000
    (system / "memory.stat").write_text("anon 1\ninactive_file 500\n")
    assert free_memory.free_host_memory() == 1500
    (system / "memory.max").write_text("max\n")
    assert free_memory.free_host_memory() == 50 * 1024
