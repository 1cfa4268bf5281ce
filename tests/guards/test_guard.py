"""A guard around a function and its gradient, inside of solvers."""

from __future__ import annotations

import copy
import itertools
import pickle
import sys
import threading
import warnings

import numpy as np
import pytest

from checkgrad import GradientError, Guard, Verdict, guard
from checkgrad.session import SESSION


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosen_grad(x):
    found = np.zeros_like(x)
    found[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    found[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return found


def value_and_grad(x):
    return rosen(x), rosen_grad(x)


X0 = np.linspace(-1.0, 1.0, 20) + 0.1


def slipping(grad, start, slip):
    """Return a gradient that is wrong from call number `start` on."""
    calls = [0]

    def slipped(x):
        calls[0] += 1
        return slip(grad(x)) if calls[0] > start else grad(x)

    return slipped


def descend(func, grad, x, steps, rate=1e-4):
    """Go downhill, as a solver does that asks for the value and the gradient at each point."""
    for _ in range(steps):
        func(x)
        x = x - rate * grad(x)
    return x


# --- when it checks, and what that costs ---------------------------------------------------------


def test_checks_the_first_call_and_every_so_many_th_one():
    guarded = guard(rosen, rosen_grad, every=10)
    descend(*guarded, X0, 35)
    assert [check.call for check in guarded.checks] == [0, 10, 20, 30]
    assert [check.verdict for check in guarded.checks] == [Verdict.CORRECT] * 4
    assert guarded.n_calls == 35


def test_a_check_takes_three_evaluations():
    calls = [0]

    def func(x):
        calls[0] += 1
        return rosen(x)

    guarded = guard(func, rosen_grad, every=50)
    descend(*guarded, X0, 500)
    assert calls[0] == 500 + guarded.n_func
    assert guarded.n_func == 10 * 3


def test_solver_gets_the_same_numbers_as_without_a_guard():
    assert np.array_equal(
        descend(*guard(rosen, rosen_grad, every=3), X0, 200), descend(rosen, rosen_grad, X0, 200)
    )


def test_func_is_left_at_x_where_it_keeps_something():
    kept = []

    def func(x):
        kept.append(np.array(x))
        return rosen(x)

    _, grad = guard(func, rosen_grad)
    grad(X0)
    assert np.array_equal(kept[-1], X0)


def test_check_has_the_claimed_and_the_observed_change_of_func():
    right, wrong = guard(rosen, rosen_grad), guard(rosen, lambda x: -rosen_grad(x))
    right.grad(X0)
    with pytest.raises(GradientError):
        wrong.grad(X0)
    (check,), (flipped,) = right.checks, wrong.checks
    assert 0 < check.claimed_change < rosen(X0)
    assert check.observed_change == pytest.approx(check.claimed_change)
    assert flipped.observed_change == pytest.approx(-flipped.claimed_change)
    assert 0 < check.uncertainty < check.claimed_change


def test_gradient_in_a_buffer_that_func_fills_anew_is_right():
    buffer = np.zeros_like(X0)

    def both(x):
        buffer[:] = rosen_grad(x)
        return rosen(x), buffer

    guarded = guard(both, True, every=1)
    for x in (X0, X0 + 1):
        _, gradient = guarded(x)
        assert np.array_equal(gradient, rosen_grad(x))
    assert all(check.verdict is Verdict.CORRECT for check in guarded.checks)


def test_gradient_that_writes_into_x_is_checked_where_it_was_asked_for():
    def grad(x):
        found = rosen_grad(x)
        x += 1.0
        return found

    for guarded in (guard(rosen, grad), guard(lambda x: (rosen(x), grad(x)), True)):
        guarded(X0.copy())
        (check,) = guarded.checks
        assert check.verdict is Verdict.CORRECT


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_gradient_in_a_buffer_is_the_same_after_a_suspicion(factor):
    buffer = np.zeros_like(X0)

    def grad(x):
        buffer[:] = factor * rosen_grad(x)
        return buffer

    guarded = guard(lambda x: rosen(x) + np.sign(np.sum(x - X0)), grad, on_wrong="record")
    assert np.array_equal(guarded.grad(X0), factor * rosen_grad(X0))
    assert len(guarded.reports) == 1


# --- what it finds -------------------------------------------------------------------------------

SLIPS = {
    "one entry off by 1%": lambda g: g * np.where(np.arange(g.size) == 7, 1.01, 1.0),
    "a sign": lambda g: g * np.where(np.arange(g.size) == 7, -1.0, 1.0),
    "an entry missing": lambda g: g * (np.arange(g.size) != 7),
    "half of all": lambda g: g / 2,
    "not finite": lambda g: np.where(np.arange(g.size) == 7, np.nan, g),
    "shifted": lambda g: np.roll(g, 1),
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_slip_that_starts_at_iteration_100_is_found(slip):
    guarded = guard(rosen, slipping(rosen_grad, 100, slip), every=50)
    with pytest.raises(GradientError, match=r"^wrong: ") as caught:
        descend(*guarded, X0, 400)
    assert [check.verdict.value for check in guarded.checks] == ["correct", "correct", "wrong"]
    assert guarded.checks[-1].call == 100
    assert caught.value.report is guarded.reports[0]
    assert caught.value.__notes__ == ["seen by checkgrad.guard at call 100 of the gradient"]


def test_entry_is_named():
    guarded = guard(rosen, lambda x: SLIPS["a sign"](rosen_grad(x)))
    with pytest.raises(GradientError) as caught:
        guarded.grad(X0)
    assert caught.value.report.mismatches[0].where == "x[7]"


def test_warning_names_the_line_of_the_solver():
    _, grad = guard(rosen, lambda x: -rosen_grad(x), on_wrong="warn")
    with pytest.warns(RuntimeWarning, match="wrong: .*(\n.*)*at call 0 of the gradient") as caught:
        grad(X0)
    assert caught[0].filename == __file__


def test_record_is_silent():
    guarded = guard(rosen, lambda x: -rosen_grad(x), on_wrong="record", every=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(20):
            guarded.grad(X0)
    assert {check.verdict for check in guarded.checks} == {Verdict.WRONG}
    assert len(guarded.reports) == len(guarded.checks)


def cubes(x):
    """Return a sum of cubes that jump twice at one half: no derivative is right there."""
    return np.sum(x**3 + np.sign(x - 0.5))


def test_checks_are_rarer_after_false_alarms():
    guarded = guard(cubes, lambda x: 3 * x**2, every=5)
    for _ in range(160):
        guarded.grad(np.full(3, 0.5))
    assert {check.verdict for check in guarded.checks} == {Verdict.INCONCLUSIVE}
    assert [check.call for check in guarded.checks] == [0, 10, 30, 70, 110, 150]


def test_checks_are_as_frequent_after_a_wrong_gradient_as_before():
    guarded = guard(rosen, lambda x: -rosen_grad(x), on_wrong="record", every=5)
    for _ in range(20):
        guarded.grad(X0[:3])
    assert [check.call for check in guarded.checks] == [0, 5, 10, 15]


def test_first_wrong_gradient_is_located_after_a_false_alarm_too():
    def grad(x):
        return 3 * x**2 * np.where(x < 0, -1.0, 1.0)

    guarded = guard(cubes, grad, on_wrong="record", every=1)
    guarded.grad(np.full(3, 0.5))
    for _ in range(3):
        guarded.grad(np.array([0.3, -0.2, 0.1]))
    false_alarm, first, second = guarded.reports
    assert false_alarm.verdict is Verdict.INCONCLUSIVE
    assert [each.where for each in first.mismatches] == ["x[1]"]
    assert second.direction == "the given tangent"
    assert "call verify_grad at this x to see where the claim is wrong" in second.hints


def test_hints_name_no_option_that_guard_does_not_take():
    size = 2000
    guarded = guard(rosen, lambda x: -rosen_grad(x), on_wrong="record", every=1)
    for _ in range(2):
        guarded.grad(np.linspace(-1.0, 1.0, size))
    for report in guarded.reports:
        assert "pass direction" not in str(report)
    assert "call verify_grad at this x" in str(guarded.reports[-1])


def test_gradient_that_belongs_to_another_point_is_found_though_it_is_right_when_asked_again():
    last = [X0]

    def stale(x):
        found = rosen_grad(last[0])
        last[0] = np.array(x)
        return found

    guarded = guard(rosen, stale, on_wrong="record")
    guarded.grad(X0 + 0.5)
    assert guarded.checks[0].verdict is Verdict.WRONG
    assert "another gradient when it is called at the same x again" in str(guarded.reports[0])


def test_evaluations_of_whole_checks_are_counted():
    n_func, n_grad = [0], [0]

    def func(x):
        n_func[0] += 1
        return rosen(x)

    def stale(x):
        n_grad[0] += 1
        return rosen_grad(x) * (2.0 if n_grad[0] == 1 else 1.0)

    guarded = guard(func, stale, on_wrong="record")
    guarded.grad(X0)
    assert guarded.reports[0].n_grad == n_grad[0] - 1
    assert guarded.n_func == n_func[0]
    n_func[0] = 0
    guarded = guard(func, lambda x: -rosen_grad(x), on_wrong="record")
    guarded.grad(X0)
    assert guarded.n_func == n_func[0]


@pytest.mark.parametrize("kind", ["stale", "wrong", "false alarm"])
def test_listener_hears_of_a_suspicion_once_and_of_the_final_report(kind):
    calls, heard = [0], []

    def stale(x):
        calls[0] += 1
        return rosen_grad(x) * (2.0 if calls[0] == 1 else 1.0)

    func, grad, x = {
        "stale": (rosen, stale, X0),
        "wrong": (rosen, lambda x: -rosen_grad(x), X0),
        "false alarm": (cubes, lambda x: 3 * x**2, np.full(3, 0.5)),
    }[kind]
    guarded = guard(func, grad, on_wrong="record")
    with SESSION.listening(heard.append, None, None):
        guarded.grad(x)
    assert [id(each) for each in heard] == [id(each) for each in guarded.reports]
    assert len(heard) == 1


# --- what it does not find -----------------------------------------------------------------------

RIGHT = {
    "rosen at its minimum": (rosen, rosen_grad, np.ones(5) + 1e-9),
    "badly scaled": (
        lambda x: np.sum(np.exp(x / np.array([1e-6, 1.0, 1e6]))),
        lambda x: np.exp(x / np.array([1e-6, 1.0, 1e6])) / np.array([1e-6, 1.0, 1e6]),
        np.array([1e-6, 1.0, 2e6]),
    ),
    "zeros": (lambda x: np.sum(np.cos(x)), lambda x: -np.sin(x), np.zeros(4)),
    "some zeros": (lambda x: np.sum(np.sin(x)), np.cos, np.array([0.0, 1.0, 0.0])),
    "stationary cubic": (lambda x: np.sum(x**3), lambda x: 3 * x**2, np.zeros(3)),
    "kinks": (lambda x: np.sum(np.abs(x)), np.sign, np.array([1e-7, 1.0, -2.0])),
    "float32 inside": (
        lambda x: float(np.sum(np.sin(x.astype(np.float32)))),
        np.cos,
        np.linspace(0.1, 3, 50),
    ),
    "cancelling": (lambda x: np.sum(x**2) + 1e10 - 1e10, lambda x: 2 * x, np.array([1.0, 2.0])),
    "edge of the domain": (
        lambda x: np.sum(np.log(x - 1)),
        lambda x: 1 / (x - 1),
        np.ones(2) + 1e-9,
    ),
    "linear": (lambda x: np.sum(x), np.ones_like, np.arange(5.0)),
    "constant": (lambda x: 1.0, np.zeros_like, np.arange(5.0)),
}


@pytest.mark.parametrize(("func", "grad", "x"), RIGHT.values(), ids=RIGHT)
def test_right_gradients_are_not_called_wrong(func, grad, x):
    guarded = guard(func, grad, every=1)
    rng = np.random.default_rng(0)
    for _ in range(10):
        guarded.grad(x * (1 + 1e-3 * rng.standard_normal(x.size)) if x.any() else x)


def test_noisy_func_is_not_called_wrong():
    rng = np.random.default_rng(1)
    guarded = guard(lambda x: rosen(x) * (1 + 1e-6 * rng.standard_normal()), rosen_grad, every=1)
    for _ in range(10):
        guarded.grad(X0)
    assert Verdict.WRONG not in {check.verdict for check in guarded.checks}


def test_point_that_is_not_finite_is_inconclusive():
    guarded = guard(rosen, rosen_grad)
    guarded.grad(np.full(3, np.nan))
    assert guarded.checks[0].verdict is Verdict.INCONCLUSIVE
    assert guarded.checks[0].reason == "x is not finite"


def test_kink_at_x_or_next_to_it_raises_no_suspicion():
    def func(x):
        return np.sum(np.abs(x - 1.0) - x**2)

    def grad(x):  # 0.3 is a subgradient
        return np.where(x == 1.0, 0.3, np.sign(x - 1.0)) - 2 * x

    guarded = guard(func, grad, every=1)
    for x in (np.ones(4), np.array([1.0, 1.0 + 1e-7, 1.0, 1.0 - 1e-6])):
        guarded.grad(x)
    assert guarded.reports == ()
    assert guarded.checks[0].verdict is Verdict.INCONCLUSIVE
    assert guarded.checks[0].n_func == 6


def test_exception_of_func_beside_x_is_the_edge_of_its_domain():
    def func(x):
        if x[0] > 1:
            raise ValueError("outside")
        return np.sum(x**2)

    guarded = guard(func, lambda x: 2 * x)
    guarded.grad(np.array([1.0, 2.0]))
    assert guarded.checks[0].verdict is Verdict.INCONCLUSIVE


# --- how it is called ----------------------------------------------------------------------------


def test_further_arguments_are_passed_on():
    guarded = guard(
        lambda x, scale, power=2: scale * np.sum(x**power),
        lambda x, scale, power=2: scale * power * x ** (power - 1),
    )
    assert np.array_equal(guarded.grad(np.ones(3), 2.0, power=3), np.full(3, 6.0))
    assert guarded.checks[0].verdict is Verdict.CORRECT


def test_value_and_gradient_together():
    guarded = guard(lambda x: ((rosen(x), "aux"), rosen_grad(x)), True)
    (value, aux), gradient = guarded(X0)
    assert (value, aux) == (rosen(X0), "aux")
    assert np.array_equal(gradient, rosen_grad(X0))
    func, grad = guarded
    assert func(X0) == (rosen(X0), "aux")
    assert np.array_equal(grad(X0), gradient)
    assert guarded.n_calls == 2


def test_pair_can_be_called_for_both():
    guarded = guard(rosen, rosen_grad)
    value, gradient = guarded(X0)
    assert value == rosen(X0)
    assert np.array_equal(gradient, rosen_grad(X0))
    assert repr(guarded) == "<Guard: 1 call, 1 check: 1 correct>"


def test_trees_are_points_too():
    guarded = guard(
        lambda p: p["a"] @ p["a"] + p["b"] ** 3,
        lambda p: {"a": 2 * p["a"], "b": 3 * p["b"] ** 2},
    )
    guarded.grad({"a": np.ones(3), "b": np.array(2.0)})
    assert guarded.checks[0].verdict is Verdict.CORRECT


def roots(x):
    assert np.all((x >= 0) & (x <= 1)), "func was called outside of the bounds"
    return np.sum(np.sqrt(x) + x**2)


def roots_grad(x):
    return 0.5 / np.sqrt(x) + 2 * x


def test_func_stays_within_bounds():
    guarded = guard(roots, roots_grad, bounds=(0, 1), on_wrong="record")
    guarded.grad(np.array([0.2, 0.5, 1.0]))
    assert guarded.checks[0].verdict is Verdict.CORRECT


def test_nothing_is_compared_where_x_is_outside_of_the_bounds():
    guarded = guard(roots, roots_grad, bounds=(0, 1), every=2)
    for x in ([0.2, 0.5], [0.2, 1.25], [0.2, 1.25], [0.2, 0.75], [0.2, 0.5]):
        guarded.grad(np.array(x))
    assert [check.call for check in guarded.checks] == [0, 2, 4]
    _, outside, _ = guarded.checks
    assert outside.verdict is Verdict.INCONCLUSIVE
    assert outside.reason == "x[1] is 1.25, outside of its bounds (0.0, 1.0)"
    assert outside.n_func == 0
    assert [check.reason for check in guarded.checks] == ["", outside.reason, ""]


def test_bounds_that_do_not_fit_x_are_an_error():
    guarded = guard(roots, roots_grad, bounds=(np.zeros(3), 1.0))
    with pytest.raises(ValueError, match="does not fit x0"):
        guarded.grad(np.array([0.2, 0.5]))


# --- in threads, and elsewhere -------------------------------------------------------------------


@pytest.mark.parametrize("together", [False, True], ids=["two functions", "a pair"])
def test_threads_that_share_a_guard_check_as_often_as_one_does(together):
    n_threads, n_calls, every = 8, 200, 10
    gate = threading.Barrier(n_threads)

    pair = (value_and_grad, True) if together else (rosen, rosen_grad)
    guarded = guard(*pair, every=every)

    def work():
        gate.wait()
        for _ in range(n_calls):
            guarded.grad(X0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads that take turns this fast meet everywhere
    try:
        threads = [threading.Thread(target=work) for _ in range(n_threads)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(interval)
    assert guarded.n_calls == n_threads * n_calls
    calls = [check.call for check in guarded.checks]
    assert all(later - earlier >= every for earlier, later in itertools.pairwise(calls))
    assert {check.verdict for check in guarded.checks} == {Verdict.CORRECT}


def test_while_a_thread_checks_others_go_on():
    is_checking, may_end = threading.Event(), threading.Event()

    def func(x):
        is_checking.set()
        assert may_end.wait(timeout=60)
        return rosen(x)

    guarded = guard(func, rosen_grad, every=2)
    checking = threading.Thread(target=guarded.grad, args=(X0,))
    checking.start()
    assert is_checking.wait(timeout=60)
    for _ in range(10):
        guarded.grad(X0)  # it would wait for the event, if it checked
    assert guarded.checks == ()
    may_end.set()
    checking.join()
    assert [check.call for check in guarded.checks] == [0]


def test_gradient_that_raises_is_checked_at_the_next_call():
    calls = [0]

    def grad(x):
        calls[0] += 1
        if calls[0] == 1:
            raise RuntimeError("out of luck")
        return rosen_grad(x)

    guarded = guard(rosen, grad, every=5)
    with pytest.raises(RuntimeError, match="out of luck"):
        guarded.grad(X0)
    for _ in range(7):
        guarded.grad(X0)
    assert [check.call for check in guarded.checks] == [1, 6]


def test_guard_can_be_pickled_and_goes_on_where_it_was():
    for guarded in (guard(rosen, rosen_grad, every=5), guard(value_and_grad, True, every=5)):
        guarded.grad(X0)
        again = pickle.loads(pickle.dumps(guarded))
        for each in (guarded, again):
            for _ in range(6):
                each.grad(X0)
        assert again.checks == guarded.checks
        assert [check.call for check in again.checks] == [0, 5]


def of_jax(x):
    return (x.at[0].set(3.0) ** 2).sum()


def grad_of_jax(x):
    return (2 * x).at[0].set(0.0)


def test_guard_of_jax_can_be_pickled_and_copied_after_a_check():
    jnp = pytest.importorskip("jax.numpy")
    guarded = guard(of_jax, grad_of_jax, every=2)
    guarded.grad(jnp.ones(100))
    for again in (pickle.loads(pickle.dumps(guarded)), copy.deepcopy(guarded)):
        for _ in range(2):
            again.grad(jnp.ones(100))
        assert [check.call for check in again.checks] == [0, 2]


@pytest.mark.parametrize("setting", ["disable_jit", "transfer_guard"])
@pytest.mark.parametrize("is_compiled", [True, False])
def test_guard_hands_arrays_of_jax_to_func_whatever_jax_is_set_to(setting, is_compiled):
    jax = pytest.importorskip("jax")
    x, kinds = jax.numpy.ones(100), set()

    def func(x):
        kinds.add(isinstance(x, jax.Array))
        return of_jax(x)

    guarded = guard(jax.jit(func) if is_compiled else func, jax.jit(grad_of_jax))
    of_jax(x), guarded.func(x), grad_of_jax(x)  # constants are moved where they are used first
    with {"disable_jit": jax.disable_jit, "transfer_guard": disallowed}[setting]():
        guarded.grad(x)
    assert kinds == {True}
    assert guarded.checks[0].n_func >= 2
    assert np.isfinite(guarded.checks[0].observed_change)


def disallowed():
    return pytest.importorskip("jax").transfer_guard("disallow")


def test_error_can_be_pickled():
    guarded = guard(rosen, lambda x: -rosen_grad(x))
    with pytest.raises(GradientError) as caught:
        guarded.grad(X0)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        ((3, rosen_grad), {}, TypeError, "func is 3"),
        ((rosen, None), {}, TypeError, "grad is None"),
        ((rosen, rosen_grad), {"every": 0}, ValueError, "every is 0"),
        ((rosen, rosen_grad), {"every": 2.5}, ValueError, "every is 2.5"),
        ((rosen, rosen_grad), {"on_wrong": "ignore"}, ValueError, "on_wrong is 'ignore'"),
        ((rosen, rosen_grad), {"rtol": 2}, ValueError, "rtol is 2"),
        ((rosen, rosen_grad), {"rng": -1}, ValueError, "rng is -1"),
        ((rosen, rosen_grad), {"bounds": 3}, ValueError, "bounds is 3"),
        ((rosen, rosen_grad), {"bounds": (0, 1, 2)}, ValueError, "bounds is "),
    ],
)
def test_arguments_without_a_meaning_are_refused(arguments, options, error, said):
    with pytest.raises(error, match=said):
        guard(*arguments, **options)


@pytest.mark.parametrize(
    ("guarded", "said"),
    [
        (guard(rosen, lambda x: rosen_grad(x)[:3]), r"grad returned shape \(3,\)"),
        (guard(lambda x: x**2, lambda x: 2 * x), "guard takes a func that returns one number"),
        (guard(rosen, True), "with grad=True it must return a pair"),
    ],
)
def test_functions_that_return_something_else_are_refused(guarded, said):
    with pytest.raises((TypeError, ValueError), match=said):
        guarded(X0)


# --- solvers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("jac", ["function", True])
def test_around_scipy(jac):
    optimize = pytest.importorskip("scipy.optimize")
    plain = optimize.minimize(rosen, X0, jac=rosen_grad, method="L-BFGS-B")
    if jac is True:
        guarded = guard(lambda x: (rosen(x), rosen_grad(x)), True, every=50)
        found = optimize.minimize(guarded, X0, jac=True, method="L-BFGS-B")
    else:
        guarded = guard(rosen, rosen_grad, every=50)
        func, grad = guarded
        found = optimize.minimize(func, X0, jac=grad, method="L-BFGS-B")
    assert np.array_equal(found.x, plain.x)
    assert guarded.n_func <= 0.1 * (found.nfev + found.njev)
    assert Verdict.WRONG not in {check.verdict for check in guarded.checks}


def test_around_scipy_a_slip_is_found():
    optimize = pytest.importorskip("scipy.optimize")
    func, grad = guard(rosen, slipping(rosen_grad, 100, SLIPS["one entry off by 1%"]), every=50)
    x0 = np.linspace(-1.0, 1.0, 100)
    with pytest.raises(GradientError, match="at 1 of 100 coordinates"):
        optimize.minimize(func, x0, jac=grad, method="L-BFGS-B")


def network(jax):
    """Return a loss of a small network in float32, its parameters and its data."""
    jnp, rng = jax.numpy, np.random.default_rng(0)
    sizes = (4, 8, 1)
    params = [
        {"w": jnp.asarray(rng.standard_normal(pair) / np.sqrt(pair[0]), jnp.float32)}
        | {"b": jnp.zeros(pair[1], jnp.float32)}
        for pair in itertools.pairwise(sizes)
    ]
    inputs = jnp.asarray(rng.standard_normal((64, 4)), jnp.float32)

    def loss(params, inputs):
        hidden = inputs
        for layer in params[:-1]:
            hidden = jax.nn.relu(hidden @ layer["w"] + layer["b"])
        last = hidden @ params[-1]["w"] + params[-1]["b"]
        return jnp.mean((last[:, 0] - jnp.sin(inputs[:, 0])) ** 2)

    return loss, params, inputs


def train(jax, value_and_grad, params, inputs, steps):
    """Train by optax where it is installed, and by plain steps where it is not."""
    try:
        import optax
    except ImportError:
        for _ in range(steps):
            gradient = value_and_grad(params, inputs)[1]
            params = jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient)
        return params
    optimizer = optax.adam(1e-3)
    state = optimizer.init(params)
    for _ in range(steps):
        _, gradient = value_and_grad(params, inputs)
        updates, state = optimizer.update(gradient, state)
        params = optax.apply_updates(params, updates)
    return params


def test_around_a_loop_of_optax():
    jax = pytest.importorskip("jax")
    loss, params, inputs = network(jax)
    value_and_grad = jax.jit(jax.value_and_grad(loss))
    guarded = guard(value_and_grad, True, every=20)
    found = train(jax, guarded, params, inputs, 60)
    plain = train(jax, value_and_grad, params, inputs, 60)
    same = jax.tree.map(lambda a, b: bool((a == b).all()), found, plain)
    assert all(jax.tree.leaves(same))
    assert [check.call for check in guarded.checks] == [0, 20, 40]
    assert guarded.n_func <= 3 * 3
    assert guarded.reports == ()  # rectified units in float32 raise no suspicion


def test_around_a_loop_of_optax_a_slip_is_found():
    jax = pytest.importorskip("jax")
    loss, params, inputs = network(jax)
    value_and_grad, calls = jax.jit(jax.value_and_grad(loss)), [0]

    def slipping_pair(params, inputs):
        value, gradient = value_and_grad(params, inputs)
        calls[0] += 1
        if calls[0] > 100:
            gradient = [{**gradient[0], "b": -gradient[0]["b"]}, *gradient[1:]]
        return value, gradient

    guarded = guard(slipping_pair, True, every=50)
    with pytest.raises(GradientError, match=r"params\[0\]\['b'\]") as caught:
        train(jax, guarded, params, inputs, 400)
    assert guarded.checks[-1].call in (100, 150)
    assert "at call 1" in caught.value.__notes__[0]


def test_inside_of_jit_a_guard_says_where_to_put_it():
    jax = pytest.importorskip("jax")
    loss, params, inputs = network(jax)
    guarded = guard(jax.value_and_grad(loss), True)
    with pytest.raises(TypeError, match=r"guard\(jax.jit\(jax.value_and_grad\(loss\)\), True\)"):
        jax.jit(guarded)(params, inputs)


@pytest.mark.parametrize("together", [False, True], ids=["two functions", "a pair"])
def test_inside_of_jit_a_guard_says_so_also_after_calls_with_values(together):
    jax = pytest.importorskip("jax")
    func = jax.jit(lambda x: (x**2).sum())
    guarded = (
        guard(jax.jit(jax.value_and_grad(func)), True) if together else guard(func, jax.grad(func))
    )
    x = jax.numpy.ones(3)
    for _ in range(3):
        guarded.grad(x)
    with pytest.raises(TypeError, match="x is traced by JAX"):
        jax.jit(guarded.grad)(x)


@pytest.mark.parametrize("compiles", [True, False])
def test_a_compiled_function_is_checked_as_any_other(compiles):
    jax = pytest.importorskip("jax")

    def func(x):
        return (x["a"].at[0].set(2.0) ** 2).sum() + x["b"] ** 3

    def grad(x):
        return {"a": (2 * x["a"]).at[0].set(0.0), "b": 3 * x["b"] ** 2}

    x = {"a": jax.numpy.linspace(0.5, 1, 4), "b": jax.numpy.asarray(2.0)}
    func = jax.jit(func) if compiles else func
    for slip, verdict in ((1.0, Verdict.CORRECT), (1.1, Verdict.WRONG)):
        guarded = guard(
            func, lambda x, slip=slip: {**grad(x), "b": slip * 3 * x["b"] ** 2}, on_wrong="record"
        )
        guarded.grad(x)
        assert [check.verdict for check in guarded.checks] == [verdict]
        assert "b" in str(guarded.reports[0]) if guarded.reports else verdict is Verdict.CORRECT


def test_around_a_loop_of_pytorch():
    torch = pytest.importorskip("torch")
    target = torch.linspace(0, 1, 5)

    def func(params):
        return ((params[0] * params[1] - target) ** 2).sum()

    def grad(params):
        error = 2 * (params[0] * params[1] - target)
        return [error * params[1], error * params[0]]

    def run(grad, steps=120):
        params = [torch.ones(5, requires_grad=True), torch.full((5,), 0.5, requires_grad=True)]
        optimizer = torch.optim.SGD(params, lr=0.01)
        for _ in range(steps):
            with torch.no_grad():
                for each, gradient in zip(params, grad(params), strict=True):
                    each.grad = gradient
            optimizer.step()
        return torch.cat(params).detach()

    guarded = guard(func, grad, every=50)
    assert torch.equal(run(guarded.grad), run(grad))
    assert isinstance(guarded, Guard)
    assert Verdict.WRONG not in {check.verdict for check in guarded.checks}
    with pytest.raises(GradientError):
        run(guard(func, lambda params: [2 * each for each in grad(params)]).grad)


@pytest.mark.parametrize("entry", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("library", ["numpy", "jax"])
def test_a_gradient_that_is_not_finite_is_wrong(entry, library):
    xp = pytest.importorskip("jax.numpy") if library == "jax" else np
    others = xp.arange(50) != 3
    guarded = guard(lambda x: xp.sum(x**2), lambda x: xp.where(others, 2 * x, entry))
    with pytest.raises(GradientError):
        guarded.grad(xp.linspace(1.0, 2.0, 50))


@pytest.mark.parametrize("scale", [1e-170, 1e160, 1e300])
@pytest.mark.parametrize("n", [1, 100])
def test_a_func_whose_squares_leave_the_range_of_float64_is_checked(scale, n):
    def func(x):
        return scale * np.sum(x**2)

    guarded = guard(func, lambda x: 2 * scale * x)
    guarded.grad(np.ones(n))
    assert [check.verdict for check in guarded.checks] == [Verdict.CORRECT]
    with pytest.raises(GradientError):
        guard(func, lambda x: 4 * scale * x).grad(np.ones(n))


@pytest.mark.parametrize("x", [[1e308, 1e308], [1e308, -1e308], [np.inf, -np.inf]])
def test_a_guard_raises_nothing_by_its_own_arithmetic(x):
    guarded = guard(lambda x: 1.0, np.zeros_like)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert guarded.grad(np.asarray(x)).tolist() == [0.0, 0.0]
