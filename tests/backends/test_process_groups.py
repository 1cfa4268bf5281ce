"""Which ranks check together: those of a group, or this process alone."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

from checkgrad.backends import find_group


def test_this_process_checks_alone_without_a_group():
    assert find_group(None, {"a": np.ones(3)}) is None


def test_what_is_no_group_is_refused_without_pytorch(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(TypeError, match="group is a str; pass a process group of"):
        find_group("gloo", np.ones(3))


def test_no_generator_is_flattened(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "torch.distributed.tensor", sys)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # JAX warns of it
        assert find_group(None, (x for x in [1.0])) is None
