"""`verify_grad` on the functions, points and claims that checkers get wrong, in every library."""

from __future__ import annotations

import math
import sys
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sampling import draws, spread

from checkgrad import Report, Verdict, approx_fprime, verify_autodiff, verify_grad
from checkgrad.evaluate.plan import ALL_UP_TO, TANGENTS

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE
VALUES = [0.3, 1.2, -2.0]
# The default rtol of each dtype, where func is evaluated in float64 and where it is not.
RTOL = {"float64": 1e-5, "float32": 1e-3, "float16": 1e-3, "bfloat16": 1e-3}
NATIVE_RTOL = {**RTOL, "float16": 5e-2, "bfloat16": 2e-1}
WIDE = ("float32", "float64")


def cubes(xp: Library) -> Function:
    return lambda x: xp.sum(x**3)


def slopes_of_cubes(xp: Library) -> Function:
    return lambda x: 3 * x**2


def assert_verdict(report: Report, wanted: Verdict) -> None:
    assert report.verdict is wanted, str(report)


def filled(xp: Library, x: Any, value: float) -> Any:
    """An array like x, with this value everywhere, that func or grad made."""
    return xp.full_like(xp.detach(x), value)


def plain(xp: Library, values: Any, dtype: str) -> Any:
    """A new array as func or grad makes one: writable, without a history."""
    return xp.namespace.asarray(values, dtype=getattr(xp.namespace, dtype), device=xp.device)


# Right and wrong claims


@pytest.mark.parametrize(("precision", "rtol"), [("auto", RTOL), ("native", NATIVE_RTOL)])
def test_a_right_claim_is_correct(
    xp: Library, dtype: str, precision: str, rtol: dict[str, float]
) -> None:
    x0 = xp.asarray(VALUES, dtype)
    report = verify_grad(cubes(xp), slopes_of_cubes(xp), x0, precision=precision)
    assert_verdict(report, CORRECT)
    assert report.error <= rtol[dtype] * 12
    assert report.mismatches == ()
    assert report.rtol == rtol[dtype]
    assert report.resolution <= rtol[dtype]
    assert report.evaluated_in == ("float64" if precision == "auto" else dtype)


@pytest.mark.parametrize("factor", [-1, 2, 0.5, 0])
@pytest.mark.parametrize("precision", ["auto", "native"])
def test_a_wrong_factor_is_wrong(xp: Library, dtype: str, factor: float, precision: str) -> None:
    x0 = xp.asarray(VALUES, dtype)
    report = verify_grad(cubes(xp), lambda x: factor * 3 * x**2, x0, precision=precision)
    assert_verdict(report, WRONG)
    found = {mismatch.where for mismatch in report.mismatches if mismatch.wrong}
    assert report.n_wrong == len(found)
    # Beside a value of -6.2, bfloat16 has no digits for what x[0] = 0.3 is worth.
    unseen = {"x[0]"} if (dtype, precision) == ("bfloat16", "native") else set()
    assert found | unseen == {"x[0]", "x[1]", "x[2]"}


@pytest.mark.parametrize("entry", range(3))
def test_one_entry_off_by_a_few_rtol_is_wrong(xp: Library, dtype: str, entry: int) -> None:
    factors = [1.0] * 3
    factors[entry] += 4 * NATIVE_RTOL[dtype]
    x0 = xp.asarray([1.3, 1.2, -2.0], dtype)
    claim = lambda x: plain(xp, factors, dtype) * 3 * x**2  # noqa: E731
    report = verify_grad(cubes(xp), claim, x0, precision="native")
    assert_verdict(report, WRONG)
    assert [mismatch.where for mismatch in report.mismatches] == [f"x[{entry}]"]


@pytest.mark.parametrize("entry", range(3))
def test_one_entry_off_by_a_percent_is_wrong(xp: Library, dtype: str, entry: int) -> None:
    factors = [1.0] * 3
    factors[entry] += 0.01  # bfloat16 rounds it to 1/128
    x0 = xp.asarray([1.3, 1.2, -2.0], dtype)
    report = verify_grad(cubes(xp), lambda x: plain(xp, factors, dtype) * 3 * x**2, x0)
    assert_verdict(report, WRONG)
    assert [mismatch.where for mismatch in report.mismatches] == [f"x[{entry}]"]


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 3)])
def test_x0_has_any_shape(xp: Library, shape: tuple[int, ...]) -> None:
    x0 = xp.asarray(np.linspace(0.5, 2, math.prod(shape)).reshape(shape).tolist())
    assert_verdict(verify_grad(cubes(xp), slopes_of_cubes(xp), x0), CORRECT)
    assert_verdict(verify_grad(cubes(xp), lambda x: 3.3 * x**2, x0), WRONG)


@pytest.mark.parametrize("x0", [[0.3, 1.2], (0.3, 1.2), 1.5, [1, 2], [[1.0], [2.0]], np.arange(3)])
def test_x0_is_array_like(x0: Any) -> None:
    assert_verdict(verify_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, x0), CORRECT)
    assert_verdict(verify_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2 + 1, x0), WRONG)


def test_the_report_says_which_library_device_and_dtype(xp: Library, dtype: str) -> None:
    report = verify_grad(cubes(xp), slopes_of_cubes(xp), xp.asarray(VALUES, dtype))
    assert report.dtype == dtype
    assert report.backend in xp.namespace.__name__ + xp.name
    assert report.device == str(xp.device)


def test_func_and_grad_get_arrays_of_x0s_library_device_and_dtype(xp: Library, dtype: str) -> None:
    def func(x: Any) -> Any:
        xp.assert_native(x, dtype)
        return xp.sum(x**3)

    def grad(x: Any) -> Any:
        xp.assert_native(x, dtype)
        return 3 * x**2

    for direction in ("all", 2):
        report = verify_grad(func, grad, xp.asarray(VALUES, dtype), direction=direction)
        assert_verdict(report, CORRECT)


# Functions that do more than they should


@pytest.mark.libraries("numpy", "torch", "strict")
def test_func_may_return_one_reused_buffer(xp: Library, dtype: str) -> None:
    buffer = plain(xp, [0.0], dtype)

    def func(x: Any) -> Any:
        buffer[0] = xp.sum(xp.detach(x) ** 2)
        return buffer

    x0 = xp.asarray([1.5, -0.5], dtype)
    for direction in ("all", 2):
        assert_verdict(verify_grad(func, lambda x: 2 * x, x0, direction=direction), CORRECT)
        assert_verdict(verify_grad(func, lambda x: -2 * x, x0, direction=direction), WRONG)


@pytest.mark.libraries("jax")
def test_jax_may_refuse_to_promote_dtypes(xp: Library, dtype: str) -> None:
    jax = pytest.importorskip("jax")
    x0 = xp.asarray([1.5, 0.0, -0.5], dtype)
    with jax.numpy_dtype_promotion("strict"):
        for claimed in xp.float_dtypes:
            right = lambda x, claimed=claimed: (x + x).astype(claimed)  # noqa: E731
            for direction in ("all", 2, xp.asarray([1.0, 1.0, 0.5], dtype)):
                report = verify_grad(lambda x: xp.sum(x**2), right, x0, direction=direction)
                assert_verdict(report, CORRECT)


@pytest.mark.libraries("jax")
def test_the_zero_tangents_of_jax_are_no_numbers(xp: Library, dtype: str) -> None:
    jax = pytest.importorskip("jax")
    nothing = lambda x: np.zeros(x.shape, jax.dtypes.float0)  # noqa: E731
    with pytest.raises(TypeError, match=r"(?s)grad returned .*float0.*; it must return numbers"):
        verify_grad(lambda x: xp.sum(x**2), nothing, xp.asarray(VALUES, dtype))


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
@pytest.mark.parametrize("partition", [("rows", None), (None, "rows")], ids=str)
@pytest.mark.parametrize("direction", ["all", 2])
def test_a_jax_array_may_be_partitioned_over_the_devices_of_an_explicit_mesh(
    xp: Library, partition: tuple[str | None, ...], direction: Any
) -> None:
    jax = pytest.importorskip("jax")
    explicit = (jax.sharding.AxisType.Explicit,)
    mesh = jax.make_mesh((2,), ("rows",), explicit, devices=jax.devices("cpu")[:2])
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*partition))
    x0 = jax.device_put(xp.asarray([VALUES[:2], VALUES[1:]]), sharding)

    def func(x: Any) -> Any:
        assert isinstance(x, jax.core.Tracer) or x.sharding == sharding
        return xp.sum(x**3)

    assert_verdict(verify_grad(func, slopes_of_cubes(xp), x0, direction=direction), CORRECT)
    assert_verdict(verify_grad(func, lambda x: 6 * x**2, x0, direction=direction), WRONG)
    assert_verdict(verify_autodiff(lambda x: x**3, x0, direction=direction), CORRECT)
    assert approx_fprime(x0, func).sharding == sharding


@pytest.mark.parametrize("direction", ["all", 2, "given"])
@pytest.mark.parametrize("factor", [1, -1])
def test_the_users_arrays_are_never_changed(
    xp: Library, dtype: str, direction: Any, factor: int
) -> None:
    x0 = xp.asarray(VALUES, dtype)
    tangent, lower, upper = (xp.asarray(v, dtype) for v in ([1, 0, 2], [-4] * 3, [4] * 3))
    arrays = (x0, tangent, lower, upper)
    before = [xp.to_numpy(array).tobytes() for array in arrays]
    verify_grad(
        cubes(xp),
        lambda x: factor * 3 * x**2,
        x0,
        direction=tangent if direction == "given" else direction,
        bounds=(lower, upper),
    )
    assert [xp.to_numpy(array).tobytes() for array in arrays] == before


# Functions that are not what they seem


@pytest.mark.parametrize("factor", [3.0, 30.0, -3.0])
def test_a_random_func_is_inconclusive_and_said_to_be_not_deterministic(
    xp: Library, dtype: str, factor: float
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)

        def func(x: Any, rng: np.random.Generator = rng) -> Any:
            return xp.sum(x**3) * (1 + rng.normal())

        report = verify_grad(func, lambda x: factor * x**2, xp.asarray(VALUES, dtype))
        assert_verdict(report, INCONCLUSIVE)
        assert "not deterministic" in " ".join(report.hints)
        assert "not deterministic" in str(report).splitlines()[0]


@pytest.mark.parametrize("amount", [1e-3, 1e-6, 1e-9])
def test_a_slightly_random_func_is_inconclusive_and_said_to_be_not_deterministic(
    amount: float,
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)

        def func(x: Any, rng: np.random.Generator = rng) -> Any:
            return np.sum(x**3) * (1 + amount * rng.normal())

        report = verify_grad(func, lambda x: 3 * x**2, np.asarray(VALUES))
        assert_verdict(report, INCONCLUSIVE)
        assert "not deterministic" in " ".join(report.hints)


@pytest.mark.parametrize("amount", [1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-12, 1e-15])
def test_the_right_gradient_of_a_random_func_is_never_wrong(
    xp: Library, dtype: str, amount: float
) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)

        def func(x: Any, rng: np.random.Generator = rng) -> Any:
            return xp.sum(x**3) * (1 + amount * rng.normal())

        report = verify_grad(func, slopes_of_cubes(xp), xp.asarray(VALUES, dtype))
        assert report.verdict is not WRONG, f"seed {seed}: {report}"


def test_a_func_that_turns_random_after_some_calls_is_never_wrong() -> None:
    for calls in (1, 2, 3, 5, 10, 30):
        rng = np.random.default_rng(calls)
        count = [0]

        def func(x: Any, calls: int = calls, count: list[int] = count, rng: Any = rng) -> Any:
            count[0] += 1
            return np.sum(x**3) + (rng.normal() if count[0] > calls else 0.0)

        report = verify_grad(func, lambda x: 3 * x**2, np.asarray(VALUES))
        assert report.verdict is not WRONG, f"after {calls} calls: {report}"


SINGLES: dict[str, tuple[Function, Function]] = {
    "squares": (lambda xp, x: xp.sum(x**2), lambda xp, x: 2 * x),
    "exp": (lambda xp, x: xp.sum(xp.exp(x)), lambda xp, x: xp.exp(x)),
    "sines": (lambda xp, x: xp.sum(xp.sin(3 * x)), lambda xp, x: 3 * xp.cos(3 * x)),
}


@pytest.mark.parametrize("name", SINGLES)
@pytest.mark.parametrize("returned", ["float32", "float"])
def test_float32_inside_a_float64_func_is_noise_and_not_an_error(
    xp: Library, name: str, returned: str
) -> None:
    if "float64" not in xp.float_dtypes:
        pytest.skip("no float64 here")
    value, slope = SINGLES[name]

    def func(x: Any) -> Any:
        found = value(xp, xp.astype(x, xp.float32))
        return found if returned == "float32" else float(xp.to_numpy(found))

    x0 = xp.asarray([0.1, 0.5, -0.3], "float64")
    right = verify_grad(func, lambda x: slope(xp, x), x0, precision="native")
    assert right.verdict is not WRONG, str(right)
    assert right or returned == "float", str(right)
    if right.verdict is INCONCLUSIVE:
        assert "coarser dtype" in str(right)
    for factor in (-1, 2, 1.02):
        claim = lambda x, factor=factor: factor * slope(xp, x)  # noqa: E731
        assert_verdict(verify_grad(func, claim, x0, precision="native"), WRONG)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("name", SINGLES)
def test_a_jax_func_without_x64_of_a_numpy_float64_x0(xp: Library, name: str) -> None:
    jax = pytest.importorskip("jax")
    if jax.config.jax_enable_x64:
        pytest.skip("JAX has float64 here")
    value, slope = SINGLES[name]
    x0 = xp.asarray([0.1, 0.5, -0.3])
    assert_verdict(verify_grad(lambda x: value(jax.numpy, x), lambda x: slope(np, x), x0), CORRECT)
    automatic = jax.grad(lambda x: value(jax.numpy, x))
    assert_verdict(verify_grad(lambda x: value(jax.numpy, x), automatic, x0), CORRECT)
    for factor in (-1, 2, 1.02):
        report = verify_grad(
            lambda x: value(jax.numpy, x), lambda x, f=factor: f * slope(np, x), x0
        )
        assert_verdict(report, WRONG)


@pytest.mark.parametrize("narrow", ["float16", "bfloat16"])
@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_a_half_precision_inside_is_noise_and_not_an_error(
    xp: Library, narrow: str, wide: str
) -> None:
    if not {narrow, wide} <= set(xp.float_dtypes):
        pytest.skip(f"no {narrow} or {wide} here")
    x0 = xp.asarray([0.1, 0.5, -0.3], wide)

    def func(x: Any) -> Any:
        inside = xp.astype(x, getattr(xp.namespace, narrow))
        return xp.astype(xp.sum(inside**2), getattr(xp.namespace, wide))

    report = verify_grad(func, lambda x: 2 * x, x0, precision="native")
    assert report.verdict is not WRONG, str(report)
    assert "coarser dtype" in str(report)
    for factor in (-1, 3):
        claim = lambda x, factor=factor: factor * 2 * x  # noqa: E731
        report = verify_grad(func, claim, x0, precision="native")
        assert report.verdict is not CORRECT, str(report)


@pytest.mark.libraries("jax", "torch")
@pytest.mark.one_setting
@pytest.mark.parametrize("narrow", ["float16", "bfloat16", "float32"])
def test_a_claim_in_float64_keeps_the_digits_of_the_casts_inside(xp: Library, narrow: str) -> None:
    if "float64" not in xp.float_dtypes:
        pytest.skip("no float64 here")

    def cast(array: Any, dtype: str) -> Any:
        return xp.astype(array, getattr(xp.namespace, dtype))

    def func(x: Any) -> Any:
        return xp.sum(cast(xp.tanh(3 * cast(x, narrow)), "float64"))

    def claim(x: Any) -> Any:
        return 3 * (1 - cast(xp.tanh(3 * cast(x, narrow)), "float64") ** 2)

    x0 = xp.asarray([0.7, -0.3, 0.1], "float64")
    report = verify_grad(func, claim, x0)
    assert_verdict(report, CORRECT)
    lost = math.log10(xp.eps(narrow)) + report.digits
    assert -1.5 < lost < 1.5, str(report)
    assert f"with its casts the claim keeps {report.digits:.1f} digits" in str(report)
    assert_verdict(verify_grad(func, lambda x: 1.05 * claim(x), x0), WRONG)


@pytest.mark.libraries("jax", "torch")
@pytest.mark.one_setting
@pytest.mark.parametrize("scale", [1e-9, 1e-12])
def test_a_claim_that_underflows_in_a_cast_is_not_correct(xp: Library, scale: float) -> None:
    """As without a loss scale."""

    def half(x: Any) -> Any:
        return xp.astype(x, xp.namespace.float16)

    def func(x: Any) -> Any:
        return xp.sum(xp.astype(xp.tanh(half(x)), x.dtype)) * scale

    def claim(x: Any) -> Any:
        bent = 1 - xp.tanh(half(x)) ** 2
        return xp.astype(bent * half(0 * x + scale), x.dtype)

    for dtype in {"float32", "float64"} & set(xp.float_dtypes):
        x0 = xp.asarray([0.7, -0.3, 0.1], dtype)
        assert float(xp.max(xp.abs(claim(x0)))) == 0
        report = verify_grad(func, claim, x0)
        assert report.verdict is not CORRECT, str(report)


@pytest.mark.libraries("torch")
@pytest.mark.one_setting
@pytest.mark.parametrize("wide", ["float32", "float64"])
@pytest.mark.parametrize("way", ["bits", "numbers", "memory"])
def test_a_claim_that_rounds_where_nobody_sees_it_is_not_wrong(
    xp: Library, wide: str, way: str
) -> None:
    """As func does, which is judged without its cast."""
    half = xp.namespace.bfloat16

    def rounded(x: Any) -> Any:
        if way == "bits":
            return x.to(half).view(xp.namespace.int16).view(half)
        if way == "numbers":
            return xp.asarray([float(each) for each in x], "bfloat16")
        x.untyped_storage()
        return x.to(half)

    def func(x: Any) -> Any:
        return xp.sum(xp.astype(xp.tanh(3 * x.to(half)), x.dtype))

    def claim(x: Any) -> Any:
        return xp.astype(3 * (1 - xp.tanh(3 * rounded(x)) ** 2), x.dtype)

    x0 = xp.asarray([0.7, -0.3, 0.13], wide)
    report = verify_grad(func, claim, x0)
    assert report.verdict is not WRONG, str(report)
    assert_verdict(verify_grad(func, lambda x: 1.5 * claim(x), x0), WRONG)


@pytest.mark.one_setting
@pytest.mark.parametrize("ulp", [1.0, 1e-3])
@pytest.mark.parametrize("length", [10.0, 1.0])
def test_a_large_constant_hides_a_derivative_and_makes_no_claim_wrong(
    xp: Library, dtype: str, ulp: float, length: float
) -> None:
    """What varies is some units in the last place of the constant, or less."""
    constant = ulp / float(xp.finfo(getattr(xp.namespace, dtype)).eps)
    if constant > float(xp.finfo(getattr(xp.namespace, dtype)).max) / 2:
        pytest.skip("overflows")
    x0 = xp.asarray([length * k for k in range(1, 4)], dtype)
    func = lambda x: xp.sum(xp.sin(x)) + constant  # noqa: E731
    for precision in ("native", "auto"):
        report = verify_grad(func, xp.cos, x0, precision=precision)
        assert report.verdict is not WRONG, str(report)


# Claims and values that are not finite


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_claim_that_is_not_finite_is_wrong(
    xp: Library, dtype: str, value: float, everywhere: bool
) -> None:
    def grad(x: Any) -> Any:
        claim = 3 * x**2
        broken = plain(xp, [everywhere, True, everywhere], dtype) > 0
        return xp.where(broken, filled(xp, x, value), claim)

    report = verify_grad(cubes(xp), grad, xp.asarray(VALUES, dtype))
    assert_verdict(report, WRONG)
    wrong = {mismatch.where for mismatch in report.mismatches}
    assert wrong == ({"x[0]", "x[1]", "x[2]"} if everywhere else {"x[1]"})
    assert "not finite" in str(report)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_func_that_is_not_finite_at_x0_is_refused(xp: Library, dtype: str, value: float) -> None:
    shown = str(value)
    for func in (lambda x: value, lambda x: xp.sum(filled(xp, x, value))):
        with pytest.raises(ValueError, match=rf"func\(x0\) is {shown}"):
            verify_grad(func, slopes_of_cubes(xp), xp.asarray([1.0], dtype))


# Kinks and jumps


def relu(xp: Library) -> Function:
    return lambda x: xp.sum(xp.where(x > 0, x, 0 * x))


@pytest.mark.parametrize(
    ("claim", "wanted"),
    [(0, CORRECT), (0.5, CORRECT), (1, CORRECT), (2, WRONG), (-1, WRONG)],
)
def test_between_the_slopes_on_the_sides_of_a_kink_every_claim_is_correct(
    xp: Library, dtype: str, claim: float, wanted: Verdict
) -> None:
    x0 = xp.asarray([0.0], dtype)
    assert_verdict(verify_grad(relu(xp), lambda x: filled(xp, x, claim), x0), wanted)


@pytest.mark.parametrize(("claim", "wanted"), [(0.25, CORRECT), (2, WRONG), (-1, WRONG)])
def test_a_kink_beside_smooth_coordinates(
    xp: Library, dtype: str, claim: float, wanted: Verdict
) -> None:
    def grad(x: Any) -> Any:
        return plain(xp, [0.0, claim, 1.0], dtype)

    report = verify_grad(relu(xp), grad, xp.asarray([-1.5, 0.0, 2.0], dtype))
    assert_verdict(report, wanted)
    if wanted is WRONG:
        assert [mismatch.where for mismatch in report.mismatches] == ["x[1]"]
    assert "func has a kink at x[1]" in " ".join(report.hints)


@pytest.mark.parametrize(
    ("claim", "wanted"), [(-1, CORRECT), (0, CORRECT), (1, CORRECT), (2, WRONG), (-3, WRONG)]
)
@pytest.mark.parametrize("place", [0.0, 0.75, -3.0])
def test_the_kink_of_abs_lies_anywhere(
    xp: Library, dtype: str, claim: float, wanted: Verdict, place: float
) -> None:
    report = verify_grad(
        lambda x: xp.sum(xp.abs(x - place)),
        lambda x: filled(xp, x, claim),
        xp.asarray([place], dtype),
    )
    assert_verdict(report, wanted)


@pytest.mark.parametrize(("claim", "wanted"), [(0, CORRECT), (1, WRONG), (-0.5, WRONG)])
def test_floor_between_its_jumps_is_constant(
    xp: Library, dtype: str, claim: float, wanted: Verdict
) -> None:
    x0 = xp.asarray([3.625, 0.5], dtype)
    report = verify_grad(lambda x: xp.sum(xp.floor(x)), lambda x: filled(xp, x, claim), x0)
    assert_verdict(report, wanted)


@pytest.mark.parametrize("place", [0.0, 1.0])
@pytest.mark.parametrize("slope", [0.0, 2.0])
def test_an_infinite_claim_where_func_is_infinitely_steep_is_not_called_wrong(
    xp: Library, dtype: str, place: float, slope: float
) -> None:
    report = verify_grad(
        lambda x: xp.sum(xp.abs(x - place) ** 0.5 + slope * x),
        lambda x: filled(xp, x, math.inf),
        xp.asarray([place], dtype),
    )
    assert report.verdict is not WRONG, str(report)


@pytest.mark.parametrize("claim", [0, 1, -0.5])
def test_no_claim_is_correct_at_a_jump(xp: Library, claim: float) -> None:
    x0 = xp.asarray([3.0])
    report = verify_grad(lambda x: xp.sum(xp.floor(x)), lambda x: filled(xp, x, claim), x0)
    assert report.verdict is not CORRECT, str(report)


def test_the_slope_on_both_sides_of_a_jump_is_not_called_wrong(xp: Library) -> None:
    x0 = xp.asarray([3.0])
    report = verify_grad(lambda x: xp.sum(xp.floor(x)), lambda x: 0 * x, x0)
    assert_verdict(report, INCONCLUSIVE)
    assert "discontinuous" in str(report)


@pytest.mark.numpy
def test_the_treads_of_a_rounded_function_are_no_kink() -> None:
    log = lambda x: np.log(1 + x * x)  # noqa: E731
    for place in (0.077, 0.085, 0.105):
        x0 = np.asarray(place)
        assert_verdict(verify_grad(log, lambda x: 2 * x / (1 + x * x), x0), CORRECT)
        assert_verdict(verify_grad(log, lambda x: 2.2 * x / (1 + x * x), x0), WRONG)


SEEDS = draws(12, plain=1)  # networks


def a_relu_network(seed: int) -> tuple[Function, Function, Any]:
    """The loss of 200 samples in float32, with hundreds of kinks between x0 and its steps."""
    rng = np.random.default_rng(seed)
    inputs, targets, last, x0 = (
        rng.normal(size=size).astype(np.float32) for size in ((200, 8), 200, 4, (8, 4))
    )

    def loss(w: Any) -> Any:
        return np.mean((np.maximum(inputs @ w, 0) @ last - targets) ** 2)

    def grad(w: Any) -> Any:
        hidden = inputs @ w
        off = 2 * (np.maximum(hidden, 0) @ last - targets) / np.float32(targets.size)
        return inputs.T @ (off[:, None] * last * (hidden > 0))

    return loss, grad, x0 / 3


@pytest.mark.numpy
@pytest.mark.parametrize("seed", SEEDS)
def test_kinks_that_float32_hides_make_no_claim_wrong(seed: int) -> None:
    loss, grad, x0 = a_relu_network(seed)
    right = verify_grad(loss, grad, x0, precision="native")
    assert right.verdict is not WRONG, str(right)
    too_large = lambda w: 1.2 * grad(w)  # noqa: E731
    assert_verdict(verify_grad(loss, too_large, x0, precision="native"), WRONG)


@pytest.mark.numpy
@pytest.mark.parametrize("seed", SEEDS)
def test_kinks_that_float32_hides_are_seen_in_float64(seed: int) -> None:
    loss, grad, x0 = a_relu_network(seed)
    assert_verdict(verify_grad(loss, grad, x0), CORRECT)
    assert_verdict(verify_grad(loss, lambda w: 1.01 * grad(w), x0), WRONG)


@pytest.mark.numpy
@pytest.mark.parametrize("units", [64, 96, 112, 128, 160, 200])
def test_a_kink_next_to_x0_makes_no_claim_wrong(units: int) -> None:
    x0 = np.asarray([1 + units * 2.0**-23], np.float32)
    for slope in (0.0, 0.5):
        bent = lambda x, slope=slope: np.sum(np.maximum(x - 1, 0) + np.float32(slope) * x)  # noqa: E731
        claim = lambda x, slope=slope: np.full_like(x, 1 + slope)  # noqa: E731
        report = verify_grad(bent, claim, x0, precision="native")
        assert report.verdict is not WRONG, str(report)
        assert_verdict(verify_grad(bent, claim, x0), CORRECT)


@pytest.mark.numpy
@pytest.mark.parametrize(
    ("dtype", "smallest"), [("float32", 2e-9), ("float32", 3e-8), ("float64", 2e-18)]
)
def test_an_entry_with_a_scale_of_its_own_below_the_noise(dtype: str, smallest: float) -> None:
    x0 = np.asarray([0.7, 0.2, 0.1, smallest], dtype)
    func = lambda p: np.sum(p * np.log(p))  # noqa: E731
    report = verify_grad(func, lambda p: np.log(p) + 1, x0, precision="native")
    assert_verdict(report, INCONCLUSIVE)
    wrong = verify_grad(func, lambda p: -np.log(p) - 1, x0, precision="native")
    assert_verdict(wrong, WRONG)
    if dtype == "float32":
        assert_verdict(verify_grad(func, lambda p: np.log(p) + 1, x0), CORRECT)


@pytest.mark.numpy
@pytest.mark.parametrize(("dtype", "units"), [("float32", 160), ("float64", 4000)])
def test_next_to_a_pole_no_claim_is_wrong(dtype: str, units: int) -> None:
    x0 = np.asarray([1 + units * np.finfo(dtype).eps], dtype)
    func, claim = lambda x: np.sum(1 / (x - 1)), lambda x: -1 / (x - 1) ** 2
    assert_verdict(verify_grad(func, claim, x0, precision="native"), INCONCLUSIVE)
    if dtype == "float32":
        assert_verdict(verify_grad(func, claim, x0), CORRECT)


@pytest.mark.numpy
@pytest.mark.sampled
@pytest.mark.parametrize("start", spread(np.linspace(0.2, 2, 25).tolist(), 3))
@pytest.mark.parametrize("frequency", [3e6, 1e8, 3e8])
def test_a_right_claim_of_a_fast_oscillation_is_never_wrong(frequency: float, start: float) -> None:
    """The product with x rounds by far more than func seems to next to x0."""
    report = verify_grad(
        lambda x: np.sum(np.cos(frequency * x)),
        lambda x: -frequency * np.sin(frequency * x),
        np.asarray([start]),
    )
    assert report.verdict is not WRONG, str(report)


@pytest.mark.numpy
def test_a_bend_much_narrower_than_x0_is_no_kink() -> None:
    x0 = np.array([1e4, 2e4, 1e4 + 1e-4, 2e4 + 2e-4])
    distance = lambda p: np.hypot(p[0] - p[2], p[1] - p[3])  # noqa: E731
    slopes = lambda p: np.array([p[0] - p[2], p[1] - p[3], p[2] - p[0], p[3] - p[1]])  # noqa: E731
    assert_verdict(verify_grad(distance, lambda p: slopes(p) / distance(p), x0), CORRECT)
    assert_verdict(verify_grad(distance, lambda p: -0.5 * slopes(p) / distance(p), x0), WRONG)


# Edges of the domain and singular points


@pytest.mark.numpy
def test_a_bound_at_x0_is_not_taken_for_a_coarser_dtype() -> None:
    report = verify_grad(
        lambda x: np.sin(x[0]), lambda x: 1.0003 * np.cos(x), np.array([0.7]), bounds=(0.7, None)
    )
    assert_verdict(report, WRONG)
    assert report.rtol == RTOL["float64"]


@pytest.mark.parametrize("others", [[], [2.0], [0.5, 3.0]])
def test_log_close_to_zero(xp: Library, dtype: str, others: list[float]) -> None:
    if dtype == "float16":
        pytest.skip("1e-9 is 0 in float16")
    x0 = xp.asarray([1e-9, *others], dtype)
    func = lambda x: xp.sum(xp.log(x))  # noqa: E731
    right = verify_grad(func, lambda x: 1 / x, x0)
    wrong = [
        verify_grad(func, lambda x, factor=factor: factor / x, x0)
        for factor in (1 + 10 * RTOL[dtype], -1)
    ]
    assert_verdict(right, CORRECT)
    for report in wrong:
        assert_verdict(report, WRONG)
    if dtype == "bfloat16":
        # A unit in the last place of log(1e-9) is an eighth: too coarse to tell much.
        right = verify_grad(func, lambda x: 1 / x, x0, precision="native")
        assert right.verdict is not WRONG, str(right)
        for factor in (1 + 10 * NATIVE_RTOL[dtype], -1):
            claim = lambda x, factor=factor: factor / x  # noqa: E731
            report = verify_grad(func, claim, x0, precision="native")
            assert report.verdict is not CORRECT, str(report)


@pytest.mark.parametrize("values", [[0.0], [0.0, 1.0], [0.0, 2.5, 1e-3]])
def test_a_power_at_the_bound_of_its_domain(xp: Library, values: list[float]) -> None:
    func = lambda x: xp.sum(x**1.5)  # noqa: E731
    bounds = (0, math.inf)
    for dtype in (name for name in xp.float_dtypes if name in WIDE):
        x0 = xp.asarray(values, dtype)
        right, wrong = lambda x: 1.5 * x**0.5, lambda x: 1.5 * x**0.5 + 0.05
        assert_verdict(verify_grad(func, right, x0, bounds=bounds), CORRECT)
        report = verify_grad(func, wrong, x0, bounds=bounds)
        assert_verdict(report, WRONG)
        assert "x[0]" in {mismatch.where for mismatch in report.mismatches}
        report = verify_grad(func, right, x0, bounds=bounds, precision="native")
        assert report.verdict is not WRONG, str(report)
        report = verify_grad(func, wrong, x0, bounds=bounds, precision="native")
        assert report.verdict is not CORRECT, str(report)


def test_the_right_claim_at_the_bound_of_a_domain_is_never_wrong(xp: Library, dtype: str) -> None:
    report = verify_grad(
        lambda x: xp.sum(x**1.5),
        lambda x: 1.5 * x**0.5,
        xp.asarray([0.0, 1.0], dtype),
        bounds=(0, math.inf),
    )
    assert report.verdict is not WRONG, str(report)


def test_values_that_are_not_finite_off_x0_are_the_edge_of_the_domain(xp: Library) -> None:
    x0 = xp.asarray([1e-3, 2.0])
    func = lambda x: xp.sum(x * xp.log(x))  # noqa: E731
    assert_verdict(verify_grad(func, lambda x: xp.log(x) + 1, x0), CORRECT)
    assert_verdict(verify_grad(func, lambda x: xp.log(x), x0), WRONG)


def test_a_func_that_is_defined_at_x0_only_is_inconclusive_and_says_why(xp: Library) -> None:
    def func(x: Any) -> Any:
        if np.any(xp.to_numpy(x) != np.asarray([1.0, 2.0])):
            raise RuntimeError("no model here")
        return 3.0

    report = verify_grad(func, lambda x: 0 * x, xp.asarray([1.0, 2.0]))
    assert_verdict(report, INCONCLUSIVE)
    assert "no model here" in str(report)


@pytest.mark.sampled
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("call", [1, 2, 3, 8])
def test_an_interrupt_inside_func_goes_through(
    xp: Library, kind: type[BaseException], call: int
) -> None:
    calls = [0]

    def func(x: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise kind
        return xp.sum(x**3)

    with pytest.raises(kind):
        verify_grad(func, slopes_of_cubes(xp), xp.asarray(VALUES))
    assert calls[0] == call


@pytest.mark.parametrize("call", [1, 2, 4])
def test_an_interrupt_inside_grad_goes_through(xp: Library, call: int) -> None:
    calls = [0]

    def grad(x: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise KeyboardInterrupt
        return -3 * x**2

    with pytest.raises(KeyboardInterrupt):
        verify_grad(cubes(xp), grad, xp.asarray(VALUES))


# Where derivatives vanish


@pytest.mark.sampled
@pytest.mark.parametrize("floor", [0.0, 3.0, -1e3])
@pytest.mark.parametrize("place", [1.0, 0.0, -40.0])
def test_a_stationary_point(xp: Library, floor: float, place: float) -> None:
    def func(x: Any) -> Any:
        return xp.sum((x - place) ** 2) + floor

    for dtype in (name for name in xp.float_dtypes if name in WIDE):
        x0 = xp.asarray([place] * 4, dtype)
        report = verify_grad(func, lambda x: 2 * (x - place), x0)
        assert report.verdict is (CORRECT if abs(floor) < 10 else report.verdict), str(report)
        assert report.verdict is not WRONG, str(report)


@pytest.mark.sampled
@pytest.mark.parametrize("floor", [0.0, 3.0])
@pytest.mark.parametrize("place", [1.0, 0.0])
def test_a_claim_of_a_thousandth_at_a_stationary_point_is_wrong(
    xp: Library, floor: float, place: float
) -> None:
    for dtype in (name for name in xp.float_dtypes if name in WIDE):
        report = verify_grad(
            lambda x: xp.sum((x - place) ** 2) + floor,
            lambda x: 2 * (x - place) + 1e-3,
            xp.asarray([place] * 4, dtype),
        )
        assert_verdict(report, WRONG)


def test_a_stationary_coordinate_beside_others(xp: Library) -> None:
    def func(x: Any) -> Any:
        return (x[0] - 1) ** 2 + x[1] ** 3

    x0 = xp.asarray([1.0, 2.0])
    right = lambda x: xp.stack([2 * (x[0] - 1), 3 * x[1] ** 2])  # noqa: E731
    assert_verdict(verify_grad(func, right, x0), CORRECT)
    report = verify_grad(func, lambda x: right(x) + plain(xp, [0.1, 0], xp.default_dtype), x0)
    assert_verdict(report, WRONG)
    assert [mismatch.where for mismatch in report.mismatches] == ["x[0]"]


def test_a_saddle(xp: Library) -> None:
    x0 = xp.asarray([0.0, 0.0])
    func = lambda x: x[0] ** 2 - x[1] ** 2  # noqa: E731
    assert_verdict(verify_grad(func, lambda x: xp.stack([2 * x[0], -2 * x[1]]), x0), CORRECT)
    assert_verdict(verify_grad(func, lambda x: xp.stack([2 * x[0], x[1] + 0.01]), x0), WRONG)


@pytest.mark.parametrize("value", [5.0, 0.0, -1e-30, 1e30])
def test_a_constant_function(xp: Library, value: float) -> None:
    x0 = xp.asarray([0.1, 0.5, -0.3])
    assert_verdict(verify_grad(lambda x: value, lambda x: 0 * x, x0), CORRECT)
    claim = 1e-3 * max(abs(value), 1e-30) if value else 1.0
    assert_verdict(verify_grad(lambda x: value, lambda x: filled(xp, x, claim), x0), WRONG)


def test_a_constant_function_of_a_narrow_dtype(xp: Library, dtype: str) -> None:
    x0 = xp.asarray([0.1, 0.5, -0.3], dtype)
    func = lambda x: xp.sum(0 * x) + 1.5  # noqa: E731
    assert_verdict(verify_grad(func, lambda x: 0 * x, x0), CORRECT)
    assert_verdict(verify_grad(func, lambda x: filled(xp, x, 1.0), x0), WRONG)


def test_a_linear_function_below_a_large_constant(xp: Library) -> None:
    report = verify_grad(
        lambda x: xp.sum(x) + 1e20, lambda x: filled(xp, x, 1.0), xp.asarray([1.0, 2.0])
    )
    assert report.verdict is not WRONG, str(report)


# Scales


def test_coordinates_of_very_different_size_side_by_side(xp: Library) -> None:
    def func(x: Any) -> Any:
        return (x[0] * 1e8) ** 2 + xp.sin(x[1] * 1e-8)

    def grad(x: Any) -> Any:
        return xp.stack([2e16 * x[0], 1e-8 * xp.cos(x[1] * 1e-8)])

    x0 = xp.asarray([1e-8, 1e8])
    assert_verdict(verify_grad(func, grad, x0), CORRECT)
    for factors in ([1.0, 1.01], [1.01, 1.0], [1.0, -1.0], [1.0, 0.0]):
        wrong = plain(xp, factors, xp.default_dtype)
        report = verify_grad(func, lambda x, wrong=wrong: grad(x) * wrong, x0)
        assert_verdict(report, WRONG)
        entry = next(i for i, factor in enumerate(factors) if factor != 1)
        assert [mismatch.where for mismatch in report.mismatches] == [f"x[{entry}]"]


@pytest.mark.parametrize("size", [1e-30, 1e-8, 1e8, 1e30])
def test_x0_of_any_size(xp: Library, size: float) -> None:
    x0 = xp.asarray([0.3 * size, 1.2 * size, -2.0 * size])
    func = lambda x: xp.sum(xp.sin(x / size))  # noqa: E731
    assert_verdict(verify_grad(func, lambda x: xp.cos(x / size) / size, x0), CORRECT)
    assert_verdict(verify_grad(func, lambda x: -xp.cos(x / size) / size, x0), WRONG)


# What func and grad return


@pytest.mark.parametrize(
    "returned",
    [float, np.float64, np.asarray, lambda v: np.asarray([v]), lambda v: np.asarray([[v]])],
    ids=["Python float", "NumPy scalar", "0-d", "one element", "one element in 2-d"],
)
@pytest.mark.parametrize("direction", ["all", 2])
def test_func_returns_any_form_of_one_number(returned: Function, direction: Any) -> None:
    func = lambda x: returned(np.sum(x**3))  # noqa: E731
    x0 = np.asarray(VALUES)
    assert_verdict(verify_grad(func, lambda x: 3 * x**2, x0, direction=direction), CORRECT)
    assert_verdict(verify_grad(func, lambda x: 6 * x**2, x0, direction=direction), WRONG)


@pytest.mark.parametrize("form", ["Python float", "0-d", "one element"])
@pytest.mark.parametrize("direction", ["all", 2])
def test_func_returns_any_form_of_one_number_of_any_library(
    xp: Library, dtype: str, form: str, direction: Any
) -> None:
    def func(x: Any) -> Any:
        value = xp.sum(x**3)
        if form == "Python float":
            return float(xp.to_numpy(value))
        return xp.reshape(value, (1,)) if form == "one element" else value

    x0 = xp.asarray(VALUES, dtype)
    report = verify_grad(func, slopes_of_cubes(xp), x0, direction=direction)
    assert_verdict(report, CORRECT)
    assert_verdict(verify_grad(func, lambda x: -3 * x**2, x0, direction=direction), WRONG)


@pytest.mark.parametrize(("factor", "wanted"), [(1, CORRECT), (2, WRONG)])
def test_integers_that_numpy_has_no_dtype_for_are_numbers(factor: int, wanted: Verdict) -> None:
    report = verify_grad(lambda x: int(2**200 * x[0]), lambda _: [factor * 2**200], [0.3])
    assert_verdict(report, wanted)


@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("size", [1000, 140_000])
def test_a_random_tangent_does_not_overflow(
    xp: Library, dtype: str, zeros: bool, size: int
) -> None:
    """The mean of its sizes, for entries that are 0, and their products with random numbers."""
    if dtype in ("float16", "bfloat16") and size > 1000:
        pytest.skip("too few digits for so long a sum")
    large = float(xp.finfo(getattr(xp.namespace, dtype)).max) / 4
    factors = np.cos(np.arange(size)) * (16 if "16" in dtype else 2.0**20)  # no claim underflows
    weights = plain(xp, factors.tolist(), dtype)
    x0 = xp.asarray(np.resize([large, 0.0 if zeros else large], size).tolist(), dtype)

    def func(x: Any) -> Any:
        return xp.sum(xp.sin(x / large) * weights)

    def grad(x: Any) -> Any:
        return xp.cos(xp.detach(x) / large) * weights / large

    for rng in range(2):
        options: dict[str, Any] = {"direction": "random", "rng": rng, "precision": "native"}
        right = verify_grad(func, grad, x0, **options)
        wrong = verify_grad(func, lambda x: -grad(x), x0, **options)
        if dtype in ("float16", "bfloat16"):
            assert right.verdict is not WRONG
            assert wrong.verdict is not CORRECT
        else:
            assert_verdict(right, CORRECT)
            assert_verdict(wrong, WRONG)
    assert_verdict(verify_grad(func, grad, x0, direction="random"), CORRECT)
    assert_verdict(verify_grad(func, lambda x: -grad(x), x0, direction="random"), WRONG)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("factor", [2.0, 2.2])
def test_the_noise_of_a_long_sum_is_larger_than_it_is_next_to_x0(
    xp: Library, factor: float
) -> None:
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2**20))

    def func(x: Any) -> Any:
        return np.cumsum(x * x)[-1]  # summed one after the other

    for rng in range(2):
        report = verify_grad(func, lambda x: factor * x, x0, direction="random", rng=rng)
        assert_verdict(report, CORRECT if factor == 2 else WRONG)


def test_an_integer_too_large_for_float64_is_not_finite() -> None:
    def func(x: Any) -> Any:
        return 10**400 if x[0] > 1 else x[0] ** 2

    assert_verdict(verify_grad(func, lambda x: 2 * x, [1.0], bounds=(None, 1)), CORRECT)
    assert verify_grad(func, lambda x: 2 * x, [1.0]).verdict is not WRONG
    with pytest.raises(ValueError, match=r"func\(x0\) is inf"):
        verify_grad(func, lambda x: 2 * x, [2.0])


def test_func_may_change_the_form_of_what_it_returns() -> None:
    forms: Iterator[Function] = iter(
        [float, np.float64, np.asarray, lambda v: np.asarray([v])] * 99
    )
    report = verify_grad(
        lambda x: next(forms)(np.sum(x**3)), lambda x: 3 * x**2, np.asarray(VALUES)
    )
    assert_verdict(report, CORRECT)


@pytest.mark.parametrize("returned", [[1.0, 2.0], [[1.0], [2.0]]])
def test_a_func_that_returns_several_numbers_is_refused(xp: Library, returned: Any) -> None:
    with pytest.raises(ValueError, match=r"func returned shape .* one number"):
        verify_grad(lambda x: xp.asarray(returned), lambda x: x, xp.asarray(VALUES))


def test_a_func_that_returns_nothing_or_text_is_refused() -> None:
    with pytest.raises(TypeError, match="func returned None"):
        verify_grad(lambda x: None, lambda x: x, np.asarray(VALUES))
    with pytest.raises(TypeError, match="func returned 'three'"):
        verify_grad(lambda x: "three", lambda x: x, np.asarray(VALUES))
    with pytest.raises(TypeError, match="complex"):
        verify_grad(lambda x: 1j * np.sum(x), lambda x: x, np.asarray(VALUES))


def test_grad_returns_a_list_of_0d_arrays(xp: Library, dtype: str) -> None:
    x0 = xp.asarray(VALUES, dtype)
    grad = lambda x: [3 * x[i] ** 2 for i in range(3)]  # noqa: E731
    assert_verdict(verify_grad(cubes(xp), grad, x0), CORRECT)
    assert_verdict(verify_grad(cubes(xp), grad, x0, direction=2), CORRECT)
    assert_verdict(verify_grad(cubes(xp), lambda x: [-g for g in grad(x)], x0), WRONG)


def test_grad_returns_a_list_of_numbers() -> None:
    x0 = np.asarray(VALUES)
    report = verify_grad(lambda x: np.sum(x**3), lambda x: [3 * float(v) ** 2 for v in x], x0)
    assert_verdict(report, CORRECT)


def test_a_claim_of_another_shape_is_refused_with_a_remedy(xp: Library) -> None:
    with pytest.raises(ValueError, match=r"grad returned shape \(3, 1\) but x0 has shape \(3,\)"):
        verify_grad(cubes(xp), lambda x: xp.reshape(3 * x**2, (3, 1)), xp.asarray(VALUES))


def test_a_claim_in_a_wider_or_narrower_dtype_will_do(xp: Library) -> None:
    for dtype in xp.float_dtypes:
        x0 = xp.asarray(VALUES, "float32")
        grad = lambda x, d=dtype: xp.astype(3 * x**2, getattr(xp.namespace, d))  # noqa: E731
        assert_verdict(verify_grad(cubes(xp), grad, x0), CORRECT)
        report = verify_grad(cubes(xp), grad, x0, precision="native")
        assert_verdict(report, CORRECT)
        assert report.rtol == max(NATIVE_RTOL[dtype], NATIVE_RTOL["float32"])


# Trees


Pair = namedtuple("Pair", "weight bias")  # noqa: PYI024


def trees(xp: Library, dtype: str) -> dict[str, Any]:
    a, b = xp.asarray(VALUES, dtype), xp.asarray([[0.5, 1.5]], dtype)
    c = xp.asarray(0.75, dtype)
    return {
        "dict": {"a": a, "b": b},
        "list": [a, b, c],
        "tuple": (a, b),
        "named tuple": Pair(a, c),
        "nested": {"layers": [{"w": b, "b": a}, {"w": a, "b": c}], "scale": (c,)},
        "one leaf": [a],
    }


def mapped(function: Function, tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: mapped(function, item) for key, item in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*(mapped(function, item) for item in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(mapped(function, item) for item in tree)
    return function(tree)


def leaves_of(tree: Any) -> list[Any]:
    found: list[Any] = []
    mapped(found.append, tree)
    return found


@pytest.mark.parametrize("kind", ["dict", "list", "tuple", "named tuple", "nested", "one leaf"])
@pytest.mark.parametrize("direction", ["all", 2, "given"])
def test_x0_is_a_tree(xp: Library, dtype: str, kind: str, direction: Any) -> None:
    x0 = trees(xp, dtype)[kind]
    along = mapped(lambda x: filled(xp, x, 1.0), x0) if direction == "given" else direction

    def func(tree: Any) -> Any:
        return sum(xp.sum(leaf**2) for leaf in leaves_of(tree))

    right = lambda tree: mapped(lambda x: 2 * x, tree)  # noqa: E731
    assert_verdict(verify_grad(func, right, x0, direction=along), CORRECT)
    wrong = lambda tree: mapped(lambda x: -2 * x, tree)  # noqa: E731
    assert_verdict(verify_grad(func, wrong, x0, direction=along), WRONG)
    report = verify_grad(func, wrong, x0, direction=along, precision="native")
    # The terms along one tangent may cancel, to less than bfloat16 can show.
    unsure = dtype == "bfloat16" and direction == "given"
    assert report.verdict in ((WRONG, INCONCLUSIVE) if unsure else (WRONG,)), str(report)


def test_a_tree_names_the_places_of_its_mismatches(xp: Library) -> None:
    x0 = trees(xp, xp.default_dtype)["nested"]

    def func(params: Any) -> Any:
        return sum(xp.sum(leaf**2) for leaf in leaves_of(params))

    def grad(params: Any) -> Any:
        claim = mapped(lambda x: 2 * x, params)
        claim["layers"][1]["b"] = claim["layers"][1]["b"] * 1.5
        claim["layers"][0]["w"] = claim["layers"][0]["w"] * plain(xp, [1, 3], xp.default_dtype)
        return claim

    report = verify_grad(func, grad, x0)
    assert_verdict(report, WRONG)
    where = {mismatch.where for mismatch in report.mismatches}
    assert where == {"params['layers'][1]['b']", "params['layers'][0]['w'][0, 1]"}


@pytest.mark.parametrize(
    "inside", [lambda pair: pair, lambda pair: {"pair": pair}], ids=["alone", "in a dict"]
)
def test_named_tuples_plain_ones_and_lists_are_alike(xp: Library, inside: Function) -> None:
    named = namedtuple("named", "a b")  # noqa: PYI024
    kinds = (named._make, tuple, list)
    parts = [xp.asarray(VALUES), xp.asarray(VALUES[:2])]

    def pair_of(tree: Any) -> Any:
        return tree["pair"] if isinstance(tree, dict) else tree

    def func(tree: Any) -> Any:
        return sum(xp.sum(part**2) for part in pair_of(tree))

    for kind in kinds:
        for claimed in kinds:
            for factor, wanted in ((2, CORRECT), (3, WRONG)):

                def grad(tree: Any, claimed: Any = claimed, factor: int = factor) -> Any:
                    return inside(claimed([factor * part for part in pair_of(tree)]))

                assert_verdict(verify_grad(func, grad, inside(kind(parts))), wanted)
        with pytest.raises(ValueError, match="another structure"):
            verify_grad(func, lambda tree: inside(pair_of(tree)[:1]), inside(kind(parts)))


def test_a_claim_in_a_tuple_for_a_list_of_arrays_is_taken(xp: Library) -> None:
    """As automatic differentiation returns it, and the other way round."""
    parts = [xp.asarray(VALUES), xp.asarray([0.5, -0.25])]

    def func(params: Any) -> Any:
        return xp.sum(params[0] ** 2) + xp.sum(params[1] ** 3)

    def slopes(params: Any) -> Any:
        return 2 * params[0], 3 * params[1] ** 2

    for kind, other in ((list, tuple), (tuple, list)):
        assert_verdict(verify_grad(func, lambda p, to=other: to(slopes(p)), kind(parts)), CORRECT)
        wrong = verify_grad(func, lambda p, to=other: to([2 * p[0], 2 * p[1]]), kind(parts))
        assert_verdict(wrong, WRONG)


@pytest.mark.parametrize("kinds", [(dict, OrderedDict), (OrderedDict, dict)])
def test_a_claim_in_another_kind_of_dictionary_is_taken(xp: Library, kinds: Any) -> None:
    x0 = kinds[0](b=xp.asarray(VALUES), a=xp.asarray([0.5, -0.25]))

    def func(params: Any) -> Any:
        return xp.sum(params["b"] ** 2) + xp.sum(params["a"] ** 3)

    def grad(params: Any) -> Any:
        return kinds[1](b=2 * params["b"], a=3 * params["a"] ** 2)

    assert_verdict(verify_grad(func, grad, x0), CORRECT)


@pytest.mark.libraries("torch")
def test_a_sparse_x0_is_refused(xp: Library) -> None:
    import torch

    x0 = torch.eye(3).to_sparse()
    with pytest.raises(TypeError, match=r"sparse tensor \(torch.sparse_coo\).*to_dense"):
        verify_grad(lambda x: x.to_dense().sum(), lambda x: x, x0)


def test_a_claim_of_another_structure_is_refused(xp: Library) -> None:
    x0 = trees(xp, xp.default_dtype)["dict"]
    with pytest.raises(ValueError, match="another structure"):
        verify_grad(lambda p: xp.sum(p["a"]), lambda p: [p["a"], p["b"]], x0)


# PyTorch's history


@pytest.mark.libraries("torch")
def test_autograd_may_be_the_claim(xp: Library, dtype: str) -> None:
    import torch

    func = cubes(xp)

    def grad(x: Any) -> Any:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(func(x), x)[0]

    assert_verdict(verify_grad(func, grad, xp.asarray(VALUES, dtype)), CORRECT)


@pytest.mark.libraries("torch")
def test_grad_sees_whether_x0_requires_a_gradient_and_leaves_no_trace(xp: Library) -> None:
    import torch

    x0 = xp.asarray(VALUES)
    seen: list[bool] = []

    def grad(x: Any) -> Any:
        seen.append(x.requires_grad)
        if xp.requires_grad:
            return torch.autograd.grad(torch.sum(x**3), x)[0]
        return 3 * x**2

    assert_verdict(verify_grad(cubes(xp), grad, x0), CORRECT)
    assert_verdict(verify_grad(cubes(xp), lambda x: -grad(x), x0), WRONG)
    assert set(seen) == {xp.requires_grad}
    assert x0.grad is None
    assert x0.requires_grad is xp.requires_grad


# Directions


def test_along_all_every_coordinate_is_checked(xp: Library) -> None:
    report = verify_grad(cubes(xp), slopes_of_cubes(xp), xp.asarray(VALUES), direction="all")
    assert (report.direction, report.n_checked) == ("all", 3)


@pytest.mark.parametrize(("direction", "count"), [("random", 1), (1, 1), (4, 4), (np.int64(2), 2)])
@pytest.mark.parametrize(("factor", "wanted"), [(3, CORRECT), (-3, WRONG), (6, WRONG)])
def test_along_random_tangents(
    xp: Library, dtype: str, direction: Any, count: int, factor: float, wanted: Verdict
) -> None:
    x0 = xp.asarray(VALUES, dtype)
    report = verify_grad(cubes(xp), lambda x: factor * x**2, x0, direction=direction)
    assert_verdict(report, wanted)
    assert report.n_checked == count
    assert "random tangent" in report.direction


def test_along_a_given_tangent_only_that_is_checked(xp: Library, dtype: str) -> None:
    x0 = xp.asarray(VALUES, dtype)
    # Wrong in the first entry only.
    grad = lambda x: 3 * x**2 * plain(xp, [-5, 1, 1], dtype)  # noqa: E731
    tangent = xp.asarray([0.0, 1.0, 2.0], dtype)
    report = verify_grad(cubes(xp), grad, x0, direction=tangent)
    assert_verdict(report, CORRECT)
    assert report.n_checked == 1
    assert_verdict(
        verify_grad(cubes(xp), grad, x0, direction=xp.asarray([1.0, 0.0, 0.0], dtype)), WRONG
    )


def test_a_given_tangent_may_be_array_like() -> None:
    report = verify_grad(
        lambda x: np.sum(x**3), lambda x: 3 * x**2, np.asarray(VALUES), direction=[1.0, 0, 2]
    )
    assert_verdict(report, CORRECT)


@pytest.mark.parametrize("length", [1e-20, 1.0, 1e20])
def test_the_length_of_a_given_tangent_does_not_matter(length: float) -> None:
    x0 = np.asarray(VALUES)
    tangent = length * np.asarray([1.0, -2.0, 0.5])
    func = lambda x: np.sum(np.exp(x))  # noqa: E731
    assert_verdict(verify_grad(func, np.exp, x0, direction=tangent), CORRECT)
    wrong = lambda x: 1.001 * np.exp(x)  # noqa: E731
    assert_verdict(verify_grad(func, wrong, x0, direction=tangent), WRONG)


@pytest.mark.numpy
@pytest.mark.parametrize(
    ("size", "direction", "checked"),
    [
        (ALL_UP_TO, "all", ALL_UP_TO),
        (ALL_UP_TO + 1, f"{TANGENTS} random tangents", TANGENTS),
    ],
)
def test_auto_checks_all_coordinates_up_to_a_thousand_and_tangents_beyond(
    size: int, direction: str, checked: int
) -> None:
    assert ALL_UP_TO == 1000
    x0 = np.random.default_rng(0).normal(size=size)
    report = verify_grad(lambda x: np.sum(np.cos(x)), lambda x: -np.sin(x), x0)
    assert_verdict(report, CORRECT)
    assert (report.direction, report.n_checked) == (direction, checked)
    assert_verdict(verify_grad(lambda x: np.sum(np.cos(x)), np.sin, x0), WRONG)


def test_auto_counts_the_coordinates_of_a_whole_tree() -> None:
    x0 = {"a": np.ones(600), "b": np.ones(600)}
    report = verify_grad(
        lambda p: np.sum(p["a"] ** 2) + np.sum(p["b"] ** 3),
        lambda p: {"a": 2 * p["a"], "b": 3 * p["b"] ** 2},
        x0,
    )
    assert_verdict(report, CORRECT)
    assert report.n_checked == TANGENTS


# Counting


@pytest.mark.parametrize("direction", ["all", 3])
@pytest.mark.parametrize("factor", [1, 2])
def test_calls_are_counted_right(xp: Library, dtype: str, direction: Any, factor: int) -> None:
    calls = {"func": 0, "grad": 0}

    def func(x: Any) -> Any:
        calls["func"] += 1
        return xp.sum(x**3)

    def grad(x: Any) -> Any:
        calls["grad"] += 1
        return factor * 3 * x**2

    x0 = xp.asarray(VALUES, dtype)
    report = verify_grad(func, grad, x0, direction=direction, batch="loop")
    assert (report.n_func, report.n_grad) == (calls["func"], calls["grad"])
    calls["func"] = 0
    report = verify_grad(func, grad, x0, direction=direction)
    assert report.n_func >= calls["func"]  # it counts the points of a call


def test_calls_that_fail_are_counted() -> None:
    calls = [0]

    def func(x: Any) -> Any:
        calls[0] += 1
        if np.any(x < 1):
            raise ValueError("outside")
        return np.sum(x**3)

    report = verify_grad(func, lambda x: 3 * x**2, np.asarray([1.0, 2.0]))
    assert report.n_func == calls[0]


def test_a_right_claim_is_evaluated_at_x0_and_at_a_second_point_only() -> None:
    report = verify_grad(lambda x: np.sum(np.exp(x)), np.exp, np.asarray(VALUES))
    assert report.n_grad == 2


def test_no_array_library_is_imported_that_the_user_has_not() -> None:
    import subprocess

    script = (
        "import sys, numpy as np, checkgrad\n"
        "checkgrad.verify_grad(lambda x: (x**2).sum(), lambda x: 2*x, np.ones(2))\n"
        "checkgrad.verify_grad(lambda x: (x**2).sum(), lambda x: 3*x, np.ones(2))\n"
        "sys.exit(bool({'torch', 'jax', 'array_api_strict', 'scipy'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("few_digits", [True, False])
@pytest.mark.parametrize("distance", spread([1e-6, 1e-5, 1e-4, 1e-3], 2))
def test_rounding_errors_that_are_alike_next_to_x0_are_no_slope(
    distance: float, few_digits: bool
) -> None:
    """Near x0 = 1 - d all of ``x * x`` round alike over 1 / d units in the last place."""
    x0 = 1 + distance * np.random.default_rng(0).standard_normal((4, 4))
    if few_digits:
        x0 = x0.astype(np.float32).astype(np.float64)

    def func(x: Any) -> Any:  # Rosenbrock's
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def grad(x: Any) -> Any:
        found = np.zeros_like(x)
        found[1:] = 200 * (x[1:] - x[:-1] ** 2)
        found[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
        return found

    for x in x0:
        assert_verdict(verify_grad(func, grad, x), CORRECT)
        report = verify_grad(func, lambda x: 2 * grad(x), x)
        assert_verdict(report, WRONG)
        for mismatch in report.mismatches:
            right = float(grad(x)[int(mismatch.where[2:-1])])
            assert abs(mismatch.estimate - right) <= 5 * mismatch.uncertainty


@pytest.mark.numpy
@pytest.mark.parametrize(
    ("func", "claim", "x0", "options"),
    [
        (lambda x: np.sum(x**2), np.full(3, 1e308), [1.0, -2.0, 0.3], {}),
        (lambda x: np.sum(x), np.ones(2), [1e308, 1.0], {}),
        (lambda x: np.sum(x), np.ones(3), [1e300, 1.7e308, 1e154], {"direction": 3}),
        (lambda x: float(np.sum(x)), np.ones(3), [1e-310, 1.0, 2.0], {}),
    ],
)
def test_the_arithmetic_of_a_check_raises_nothing(
    func: Function, claim: Any, x0: list[float], options: dict[str, Any]
) -> None:
    x = np.asarray(x0)
    quiet = verify_grad(func, lambda x: claim, x, **options)
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        report = verify_grad(func, lambda x: claim, x, **options)
    assert report.verdict is quiet.verdict


@pytest.mark.numpy
@pytest.mark.parametrize("power", [1.5, 2.5, 3.5])
def test_a_value_that_is_complex_off_x0_is_outside_of_the_domain(power: float) -> None:
    """As Python's powers of negative numbers are."""
    report = verify_grad(lambda x: float(x[0]) ** power, lambda x: 0 * x, np.zeros(1))
    assert_verdict(report, CORRECT)
    report = verify_grad(
        lambda x: (float(x[0]) - 0.5) ** power, lambda x: 0 * x + 1e-3, np.full(1, 0.5)
    )
    assert_verdict(report, WRONG)


# What large terms leave when they cancel


def cross_entropy(x: Any) -> Any:
    """Of rows of logits, whose own class is the first."""
    largest = np.max(x, axis=1)
    return np.mean(np.log(np.sum(np.exp(x - largest[:, None]), axis=1)) + largest - x[:, 0])


def slopes_of_cross_entropy(x: Any) -> Any:
    wide = x.astype(np.float64)
    parts = np.exp(wide - wide.max(axis=1, keepdims=True))
    parts /= parts.sum(axis=1, keepdims=True)
    parts[:, 0] -= 1
    return (parts / len(x)).astype(x.dtype)


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("margin", [8, 10, 12])
@pytest.mark.parametrize("seed", draws(6, plain=2))
def test_the_loss_of_a_confident_classifier(margin: float, seed: int) -> None:
    """It rounds in steps of the last place of the logits, far above its own."""
    x0 = 2 * np.random.default_rng(seed).standard_normal((6, 3))
    x0[:, 0] += margin
    x0 = x0.astype(np.float32)
    report = verify_grad(cross_entropy, slopes_of_cross_entropy, x0, precision="native")
    assert report.verdict is not WRONG, str(report)
    assert_verdict(verify_grad(cross_entropy, slopes_of_cross_entropy, x0), CORRECT)
    largest = np.unravel_index(np.argmax(np.abs(slopes_of_cross_entropy(x0))), x0.shape)

    def flipped(x: Any) -> Any:
        found = slopes_of_cross_entropy(x)
        found[largest] *= -1
        return found

    for precision in ("native", "auto"):
        assert_verdict(verify_grad(cross_entropy, flipped, x0, precision=precision), WRONG)


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("seed", draws(6, plain=1))
@pytest.mark.parametrize(("size", "count"), [(0.05, 20), (0.02, 20), (0.01, 5)])
def test_a_loss_that_is_a_root_less_one(size: float, count: int, seed: int) -> None:
    x0 = (size * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
    largest = int(np.argmax(np.abs(x0)))

    def loss(x: Any) -> Any:
        return np.sum(np.sqrt(1 + x * x) - 1)

    def claim(x: Any, factor: float) -> Any:
        found = x / np.sqrt(1 + x * x)
        found[largest] *= np.float32(factor)
        return found

    report = verify_grad(loss, lambda x: claim(x, 1), x0, precision="native")
    assert report.verdict is not WRONG, str(report)
    assert_verdict(verify_grad(loss, lambda x: claim(x, 1), x0), CORRECT)
    for factor in (-1, 2, 0, 1.05):
        wrong = lambda x, f=factor: claim(x, f)  # noqa: E731
        for precision in ("native", "auto"):
            assert_verdict(verify_grad(loss, wrong, x0, precision=precision), WRONG)


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("seed", draws(4, plain=2))
@pytest.mark.parametrize(
    ("width", "real"), [(1e-3, np.float32), (1e-4, np.float32), (1e-6, np.float64)]
)
def test_a_smoothed_kink_is_no_kink(width: float, real: Any, seed: int) -> None:
    """Its one-sided slopes have not settled where the claim would be between them."""
    rng = np.random.default_rng(seed)
    matrix, shift = rng.standard_normal((8, 5)).astype(real), rng.standard_normal(8).astype(real)
    x0 = rng.standard_normal(5).astype(real)
    x0[:3] = 0

    def func(x: Any) -> Any:
        return np.sum((matrix @ x - shift) ** 2) / 8 + np.sum(np.sqrt(x * x + real(width) ** 2))

    def claim(x: Any, factor: float) -> Any:
        found = matrix.T @ (matrix @ x - shift) / 4 + x / np.sqrt(x * x + real(width) ** 2)
        found[2] *= real(factor)
        return found

    for precision in ("native", "auto"):
        right = verify_grad(func, lambda x: claim(x, 1), x0, precision=precision)
        assert_verdict(right, CORRECT)
    for factor in (-1, 2, 0, 1.05):
        wrong = lambda x, f=factor: claim(x, f)  # noqa: E731
        report = verify_grad(func, wrong, x0, precision="native")
        assert report.verdict is not CORRECT, str(report)
        assert_verdict(verify_grad(func, wrong, x0), WRONG)


@pytest.mark.numpy
@pytest.mark.parametrize("rng", draws(6, plain=2))
def test_a_noise_larger_than_measured_is_no_steep_slope(rng: int) -> None:
    """The likelihood of a Gaussian process: how it rounds next to x0 tells little."""
    inputs = np.sort(np.random.default_rng(0).uniform(0, 5, 20))
    values = np.sin(inputs)

    def func(t: Any) -> Any:
        apart = ((inputs[:, None] - inputs) / np.exp(t[0])) ** 2
        kernel = np.exp(2 * t[1] - apart / 2) + np.exp(t[2]) * np.eye(20)
        lower = np.linalg.cholesky(kernel)
        solved = np.linalg.solve(lower, values)
        return solved @ solved / 2 + np.sum(np.log(np.diag(lower)))

    def grad(t: Any) -> Any:
        apart = ((inputs[:, None] - inputs) / np.exp(t[0])) ** 2
        smooth = np.exp(2 * t[1] - apart / 2)
        inverse = np.linalg.inv(smooth + np.exp(t[2]) * np.eye(20))
        weight = inverse - np.outer(inverse @ values, inverse @ values)
        slopes = [np.sum(weight * smooth * apart), 2 * np.sum(weight * smooth)]
        return np.asarray([*slopes, np.exp(t[2]) * np.trace(weight)]) / 2

    x0 = np.asarray([-0.92492954, 0.01497612, -10.28842567])
    assert_verdict(verify_grad(func, grad, x0, rng=rng), CORRECT)
    flip = np.asarray([-1.0, 1.0, 1.0])
    assert_verdict(verify_grad(func, lambda t: flip * grad(t), x0, rng=rng), WRONG)
