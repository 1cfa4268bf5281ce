"""Where a claim is wrong, after random tangents have shown that something is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad, verify_jac, verify_vjp

if TYPE_CHECKING:
    from conftest import Library

SIZE = 5000


def problem(
    wrong: Any = (), factor: float = 2.0, size: int = SIZE, seed: int = 0, dtype: str = "float64"
) -> Any:
    """Return func, a claim that is wrong at some entries, and x0."""
    rng = np.random.default_rng([seed, 5])
    x0, weights = rng.standard_normal((2, size)).astype(dtype)
    scale = np.ones(size, dtype=dtype)
    scale[list(wrong)] = factor

    def func(x: Any) -> Any:
        u = np.sin(weights.astype(x.dtype) * x)
        return 0.5 * np.mean(u * u) + np.mean(u) ** 2

    def grad(x: Any) -> Any:
        wide = weights.astype(x.dtype)
        u = np.sin(wide * x)
        right = (u + 2 * np.mean(u)) * wide * np.cos(wide * x) / x.size
        return right * scale.astype(x.dtype)

    return func, grad, x0


def typical(func_grad_x0: Any, count: int, seed: int = 0) -> list[int]:
    """Return entries whose claims are no smaller than typical."""
    _, grad, x0 = func_grad_x0
    weights = np.abs(grad(x0) * x0)
    pool = np.flatnonzero(weights > np.median(weights))
    return sorted(np.random.default_rng(seed).choice(pool, count, replace=False).tolist())


def places(report: Any) -> list[int]:
    return sorted(int(each.where.split("[")[1].rstrip("]")) for each in report.mismatches)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("direction", ["auto", "random"])
@pytest.mark.libraries("numpy")
def test_one_wrong_entry_of_many_is_named(dtype: str, direction: str) -> None:
    (wrong,) = typical(problem(), 1)
    func, grad, x0 = problem([wrong], dtype=dtype)
    report = verify_grad(func, grad, x0, direction=direction)
    assert report.verdict is Verdict.WRONG
    assert report.located
    assert places(report) == [wrong]
    assert report.n_func <= 100
    assert report.worst_relative_error == pytest.approx(0.5)
    assert "at 1 coordinate found along" in str(report)
    assert report.hints == ("nothing but this entry is wrong: it is 2 times the estimate",)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("wrong", [range(SIZE), [7]], ids=["all", "one"])
@pytest.mark.parametrize("scale", [1e150, 1e154])
def test_a_search_goes_on_where_squares_overflow(wrong: Any, scale: float) -> None:
    x0 = np.linspace(1.0, 2.0, SIZE)
    factor = np.ones(SIZE)
    factor[list(wrong)] = 2

    def grad(x: Any) -> Any:
        return factor * scale * (np.cos(x) * x + np.sin(x))

    report = verify_grad(lambda x: scale * np.sum(np.sin(x) * x), grad, x0, rng=0)
    assert report.verdict is Verdict.WRONG
    assert report.located


def test_an_error_far_below_rtol_of_the_whole_is_found() -> None:
    (wrong,) = typical(problem(size=40_000), 1)
    func, grad, x0 = problem([wrong], 1.001, size=40_000)
    report = verify_grad(func, grad, x0)
    assert report.verdict is Verdict.WRONG
    assert places(report) == [wrong]
    assert report.relative_error < report.rtol
    assert report.n_func <= 150
    assert verify_grad(func, grad, x0, locate="off").verdict is Verdict.CORRECT


@pytest.mark.libraries("numpy")
def test_an_error_below_rtol_of_the_entry_is_none() -> None:
    (wrong,) = typical(problem(), 1)
    func, grad, x0 = problem([wrong], 1.001)
    assert verify_grad(func, grad, x0, rtol=1e-2).verdict is Verdict.CORRECT


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("count", [2, 5])
def test_several_wrong_entries_are_named(count: int) -> None:
    wrong = typical(problem(), count, seed=1)
    func, grad, x0 = problem(wrong)
    report = verify_grad(func, grad, x0)
    assert places(report) == wrong
    assert report.n_func <= 250
    assert report.hints == (f"nothing but these {count} entries are wrong",)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("seed", [87, 123, 257])
def test_a_factor_is_no_entry_that_fits_by_chance(seed: int) -> None:
    """All entries are wrong. By chance one of them fits the residuals well along these tangents."""
    x0 = np.random.default_rng(200).normal(size=200)
    report = verify_grad(
        lambda x: np.sum(np.sin(x)), lambda x: 2 * np.cos(x), x0, direction=10, rng=seed
    )
    assert "claim is 2 times the estimate along every tangent: a constant factor" in report.hints
    assert len(report.mismatches) == 1
    assert report.n_func <= 72


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize(("size", "seed"), [(200, 1), (1000, 1), (5000, 6)])
def test_where_a_tenth_is_wrong_a_part_with_small_errors_is_wrong_too(size: int, seed: int) -> None:
    """The derivatives are of very different sizes, so that some errors are far below others."""
    x0 = np.random.default_rng([size, seed]).normal(size=size)
    scale = np.where(np.arange(size) % 10 == 0, 1.01, 1.0)

    def claim(x: Any) -> Any:
        exponentials = np.exp(x)
        return scale * exponentials / np.sum(exponentials)

    report = verify_grad(lambda x: np.log(np.sum(np.exp(x))), claim, x0, direction=10, rng=seed)
    assert report.verdict is Verdict.WRONG
    assert report.mismatches
    assert all(place % 10 == 0 for place in places(report))
    assert report.n_func <= 96


def test_the_entry_is_named_in_every_library(xp: Library, dtype: str) -> None:
    if dtype in ("float16", "bfloat16"):
        pytest.skip("there is no search in half precision")
    weights = xp.asarray(np.linspace(1.0, 2.0, SIZE).tolist(), dtype)
    scale = xp.asarray([2.0 if i == 1234 else 1.0 for i in range(SIZE)], dtype)
    x0 = xp.asarray(np.linspace(0.5, 1.5, SIZE).tolist(), dtype)

    def func(x: Any) -> Any:
        return xp.sum(weights * x * x) / SIZE

    report = verify_grad(func, lambda x: xp.detach(2 * weights * x * scale) / SIZE, x0)
    if report.evaluated_in != "float64":
        pytest.skip("an error of one entry is lost in the noise")
    assert report.verdict is Verdict.WRONG, str(report)
    assert places(report) == [1234]


# Leaves of a tree


def tree(**changes: Any) -> Any:
    rng = np.random.default_rng([3, 1])
    x0 = {
        "embedding": rng.standard_normal((400, 8)),
        "hidden": rng.standard_normal((8, 300)) / 3,
        "bias": 0.01 * rng.standard_normal(300),
        "out": rng.standard_normal(300) / 17,
    }
    rows = [3, 50, 51, 77, 3]

    def func(p: Any) -> Any:
        return np.mean(np.tanh(p["embedding"][rows] @ p["hidden"] + p["bias"]) @ p["out"]) ** 2

    def grad(p: Any) -> Any:
        h = np.tanh(p["embedding"][rows] @ p["hidden"] + p["bias"])
        outer = 2 * np.mean(h @ p["out"]) / len(rows)
        inner = outer * (1 - h * h) * p["out"]
        embedding = np.zeros_like(p["embedding"])
        np.add.at(embedding, rows, inner @ p["hidden"].T)
        found = {
            "embedding": embedding,
            "hidden": p["embedding"][rows].T @ inner,
            "bias": inner.sum(axis=0),
            "out": outer * h.sum(axis=0),
        }
        return {name: found[name] * changes.get(name, 1.0) for name in found}

    return func, grad, x0


@pytest.mark.libraries("numpy")
def test_a_right_tree_is_correct() -> None:
    report = verify_grad(*tree())
    assert report.verdict is Verdict.CORRECT
    assert report.n_func < 40


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize(
    ("leaf", "factor"),
    [("bias", -1.0), ("bias", 0.0), ("out", 1.01), ("embedding", 1.1)],
)
def test_the_leaf_that_is_wrong_is_named(leaf: str, factor: float) -> None:
    report = verify_grad(*tree(**{leaf: factor}))
    assert report.verdict is Verdict.WRONG
    assert all(each.where.startswith(f"p['{leaf}']") for each in report.mismatches)
    (hint,) = [each for each in report.hints if "all over" in each]
    assert f"p['{leaf}']" in hint
    assert hint.count("p['") == 1
    if factor:
        assert f"({factor:.4g} times the estimate)" in hint
    assert report.n_func <= 250


@pytest.mark.libraries("numpy")
def test_few_rows_of_a_leaf_are_named_by_entries() -> None:
    """Of an embedding that is 0, few rows are wrong."""
    report = verify_grad(*tree(embedding=0.0))
    assert report.verdict is Verdict.WRONG
    assert report.mismatches
    rows = {each.where.split("[")[2].split(",")[0] for each in report.mismatches}
    assert rows <= {"3", "50", "51", "77"}


@pytest.mark.libraries("numpy")
def test_a_factor_of_all_leaves_is_named() -> None:
    report = verify_grad(*tree(embedding=1.01, hidden=1.01, bias=1.01, out=1.01))
    assert report.verdict is Verdict.WRONG
    (hint,) = report.hints
    assert hint.startswith("claim is 1.01 times the estimate along every tangent")


# Nothing right is called wrong


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("slope", [-1.0, 0.3, 1.0])
def test_a_subgradient_at_a_kink_of_one_entry_is_not_wrong(slope: float) -> None:
    x0 = np.random.default_rng([1, 7]).standard_normal(2000)
    x0[44] = 0.0

    def grad(x: Any) -> Any:
        return np.where(x == 0, slope, np.sign(x))

    report = verify_grad(lambda x: np.sum(np.abs(x)), grad, x0)
    assert report.verdict is not Verdict.WRONG, str(report)


@pytest.mark.libraries("numpy")
def test_no_entry_is_wrong_because_of_a_tie() -> None:
    """The median of equal numbers is smooth along every axis, and not differentiable."""
    x0 = np.linspace(1.0, 3.0, 2001)
    x0[999:1002] = 2.0

    def grad(x: Any) -> Any:
        return np.where(x == 2.0, 1 / 3, 0.0)

    assert not verify_grad(lambda x: np.sort(x)[1000], grad, x0).located


@pytest.mark.libraries("numpy")
def test_no_entry_is_wrong_that_is_right_in_float64() -> None:
    """In float32, a large constant leaves nothing of this func but a step."""
    rng = np.random.default_rng(1)
    x0, weights = rng.standard_normal((2, 900)).astype("float32")
    size = np.float32(np.abs(np.sum(weights * np.sin(x0))))
    offset = np.float32(6.7e7)

    def func(x: Any) -> Any:
        return (np.sum(weights * np.sin(x)) / size + offset) - offset

    report = verify_grad(func, lambda x: weights * np.cos(x) / size, x0, direction=10)
    assert report.verdict is Verdict.INCONCLUSIVE, str(report)
    assert not report.located


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("noise", [1e-12, 1e-7])
def test_noise_is_not_searched(noise: float) -> None:
    func, grad, x0 = problem(size=2000)
    calls = [0]

    def noisy(x: Any) -> Any:
        calls[0] += 1
        return func(x) + noise * np.sin(1e9 * np.sum(x))

    report = verify_grad(noisy, grad, x0)
    assert report.verdict is not Verdict.WRONG
    assert not report.located


@pytest.mark.libraries("numpy")
def test_a_func_that_is_not_deterministic_is_not_wrong() -> None:
    func, grad, x0 = problem(size=2000)
    rng = np.random.default_rng(0)
    report = verify_grad(lambda x: func(x) * (1 + 1e-3 * rng.standard_normal()), grad, x0)
    assert report.verdict is Verdict.INCONCLUSIVE


# Options and forms


@pytest.mark.libraries("numpy")
def test_without_the_search_tangents_are_named() -> None:
    wrong = typical(problem(), 1)
    func, grad, x0 = problem(wrong, 30.0)
    report = verify_grad(func, grad, x0, locate="off")
    assert report.verdict is Verdict.WRONG
    assert not report.located
    assert all(each.where.startswith("tangent") for each in report.mismatches)


@pytest.mark.libraries("numpy")
def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match=r"locate is 'on' \(type str\); pass 'auto' or 'off'"):
        verify_grad(*problem(), locate="on")  # type: ignore[arg-type]


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("form", ["jac", "vjp"])
def test_an_entry_of_a_jacobian_is_named(form: str) -> None:
    wrong = typical(problem(), 1)
    func, right, x0 = problem()
    _, grad, _ = problem(wrong)

    def both(x: Any) -> Any:
        return np.stack([func(x), 2 * func(x)])

    if form == "jac":
        claim = lambda x: np.stack([right(x), 2 * grad(x)])  # noqa: E731
        report = verify_jac(both, claim, x0, direction=10)
    else:
        claim = lambda x, w: w[0] * right(x) + 2 * w[1] * grad(x)  # noqa: E731
        report = verify_vjp(both, claim, x0, direction=10)
    assert report.verdict is Verdict.WRONG
    assert report.located
    assert places_of_jacobian(report) == wrong


def places_of_jacobian(report: Any) -> list[int]:
    return [int(each.where.rsplit("[", 1)[1].rstrip("]")) for each in report.mismatches]


@pytest.mark.libraries("numpy")
def test_a_budget_ends_the_search() -> None:
    func, grad, x0 = problem(typical(problem(), 5))
    for most in (25, 40, 80):
        report = verify_grad(func, grad, x0, max_evals=most)
        assert report.n_func <= most
        assert not report.complete
        assert report.verdict is not Verdict.CORRECT


# Large ones


# Typical entries of a million, whose errors make the smallest residuals of the first five problems;
# in the other problem, noise next to x0 is a third of that along tangents.
@pytest.mark.parametrize(("seed", "entry"), [(3, 11_603), (2, 591_423)])
@pytest.mark.libraries("numpy")
def test_float32_in_float64_shows_the_small_error_that_float64_shows(seed: int, entry: int) -> None:
    """The noise that is assumed where func was compared in both dtypes is 16 times the usual."""
    for dtype in ("float64", "float32"):
        func, grad, x0 = problem([entry], 1.001, 10**6, seed, dtype)
        report = verify_grad(func, grad, x0, rtol=1e-4)
        assert report.verdict is Verdict.WRONG, (dtype, str(report))
        assert places(report) == [entry]


@pytest.mark.full
@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("count", "factor", "most"), [(1, 2.0, 100), (1, 1.001, 150), (5, 2.0, 250)]
)
def test_entries_of_a_million_are_found(dtype: str, count: int, factor: float, most: int) -> None:
    for seed in range(10):
        wrong = typical(problem(size=10**6, seed=seed), count, seed)
        func, grad, x0 = problem(wrong, factor, 10**6, seed, dtype)
        report = verify_grad(func, grad, x0, rtol=1e-4 if factor < 2 else None)
        assert places(report) == wrong
        assert report.n_func <= most
