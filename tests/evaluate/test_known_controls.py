"""Points that single calls have evaluated, as control points of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad
from checkgrad.evaluate.control_points import SAME
from checkgrad.evaluate.known_controls import KnownControls, SinglePoints

if TYPE_CHECKING:
    from conftest import Library

EPSILON = 2.0**-52
N = 144  # enough for JAX to map groups


def noted(values: Any, leaf: int = 0) -> KnownControls:
    controls = KnownControls()
    entries = np.arange(4 * len(values)).reshape(-1, 4)
    controls.note(SinglePoints(leaf, entries, entries / 8, np.asarray(values)))
    return controls


def test_the_first_points_of_the_last_call_are_known() -> None:
    controls = noted([7.0, 8.0])
    assert controls.shown(0, (4,), np.asarray(1.0), EPSILON) is not None
    controls.note(SinglePoints(0, np.arange(3), np.arange(3) / 8, np.asarray([2.0, 3.0, 4.0])))
    assert controls.shown(0, (4,), np.asarray(1.0), EPSILON) is None
    found = controls.shown(0, (), np.asarray(1.0), EPSILON)
    assert found is not None
    assert found.entries.tolist() == [0, 1]
    assert found.moved.tolist() == [0.0, 1 / 8]
    assert found.values.tolist() == [2.0, 3.0]


def test_nothing_is_known_at_first_nor_of_another_leaf() -> None:
    value = np.asarray(1.0)
    assert KnownControls().shown(0, (4,), value, EPSILON) is None
    assert noted([7.0, 8.0]).shown(1, (4,), value, EPSILON) is None
    assert noted([7.0, 8.0], leaf=1).shown(1, (4,), value, EPSILON) is not None


@pytest.mark.numpy
@pytest.mark.parametrize(("times", "tells"), [(15.0, False), (17.0, True), (-17.0, True)])
def test_points_tell_if_func_changes_by_more_than_a_batch_may_be_off(
    times: float, tells: bool
) -> None:
    value = np.asarray([1.0, 1e-3])
    near = np.asarray([1.0, 1e-3 + times * SAME * EPSILON])
    for values in ([near, value + 1], [value + 1, near]):
        assert (noted(values).shown(0, (4,), value, EPSILON) is not None) == tells


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_tell_nothing(bad: float) -> None:
    assert noted([7.0, bad]).shown(0, (4,), np.asarray(1.0), EPSILON) is None


@pytest.mark.libraries("jax", "torch")
@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_a_mapped_check_makes_few_single_calls(xp: Library, wide: str) -> None:
    if wide not in xp.float_dtypes:
        pytest.skip(f"no {wide} here")
    shapes: list[tuple[int, ...]] = []

    def func(x: Any) -> Any:
        shapes.append(tuple(x.shape))
        return xp.sum(xp.exp(x) + x**3)

    x0 = xp.asarray(np.linspace(0.3, 1.7, N).tolist(), wide)
    report = verify_grad(func, lambda x: xp.exp(x) + 3 * x**2, x0)
    assert report.verdict is Verdict.CORRECT, str(report)
    # x0, the first group to both sides, and two control points: with all entries changed, and the
    # farthest of the batch. Three are at the second point.
    alone = 1 + 2 + 2 + 3
    if wide == "float32":
        alone += 1 + 2  # x0 in float64, and another point in both dtypes
    else:
        # x0 again, as no noise was measured; how much memory func takes; what it computes in.
        alone += 1 + 1 + 1
    assert report.n_func == alone + 2 * (N // 4 - 1)
    if xp.name == "torch":
        assert len(shapes) == alone + 1  # the map


@pytest.mark.libraries("torch")
@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_a_batch_that_is_wrong_at_a_known_point_alone_is_not_trusted(
    xp: Library, wide: str
) -> None:
    import torch

    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return (x * x).sum()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            found = (x * x).sum(1)
            found[2] += 1e-7  # x0 is the first, and known points are the next
            return found, 0

    x0 = xp.asarray(np.linspace(0.3, 1.7, N).tolist(), wide)
    report = verify_grad(Squares.apply, lambda x: 2 * x, x0)
    assert report.verdict is Verdict.CORRECT, str(report)
    assert "other values in a batch than alone" in str(report)
