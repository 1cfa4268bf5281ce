"""The modes of automatic differentiation, checked one by one and put into one report.

`ModeRunner` asks the pipeline about the jvp and the vjp of func, plain and mapped, and about the
derivatives of these derivatives. It keeps what each mode raised until all modes are checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from checkgrad.arrays.messages import brief
from checkgrad.arrays.parsing import is_floating
from checkgrad.arrays.point import make_point
from checkgrad.backends import is_array
from checkgrad.claims.library_derivatives import LibraryDerivatives, NoRuleError
from checkgrad.claims.rule_errors import rule_errors
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.given_tangents import is_projection
from checkgrad.modes.labels import has_derivative_of, label_of, order_of, ordinal
from checkgrad.numerics.decisions import Verdict
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.build import report_on
from checkgrad.report.report import Report
from checkgrad.report.results import ClaimResult

MODES = ("fwd", "rev", "lin", "vmap")
_SEED = 0  # of the tangents and cotangents at which second derivatives are checked


class ModeRunner:
    """Checks the modes of one func, and collects what it finds.

    Parameters
    ----------
    args : tuple
        Further arguments of the user's func.
    options : Options
        The options of the user.
    finished : callable, optional
        Makes of every result what counts.
    """

    def __init__(
        self,
        args: tuple[Any, ...],
        options: Options,
        finished: Callable[[ClaimResult], ClaimResult] = lambda result: result,
    ) -> None:
        self._args = args
        self._options = options
        self._budget = options.evaluation.budget
        self._finished = finished
        self._results: list[ClaimResult] = []
        self._rule_errors: dict[str, None] = {}  # a set that keeps the order
        self._missing: dict[str, NoRuleError] = {}
        self._failures: dict[str, Exception] = {}
        self._not_checked: list[str] = []

    def check_orders(
        self,
        derivatives: LibraryDerivatives,
        x0: Any,
        modes: Sequence[str],
        orders: Collection[int],
        only: Collection[str] | None = None,
        stops: bool = False,
    ) -> None:
        """Check the derivatives of some orders, if there are rules for them.

        Parameters
        ----------
        derivatives : LibraryDerivatives
            The derivatives of the user's func.
        x0 : Any
            Where to check, in the user's structure.
        modes : sequence of {"fwd", "rev", "lin", "vmap"}
            The modes.
        orders : collection of int
            The orders.
        only : collection of str, optional
            The labels of what is in doubt, "fwd of rev" for example. The rest is not checked.
        stops : bool
            Whether a wrong derivative spares those of higher order.
        """
        nests = derivatives.library.nests
        inners = [mode for mode in nests if mode in modes] or nests[:1]
        outer = [mode for mode in modes if mode != "vmap"] or ["rev"]
        level = [_Nested("", derivatives, x0)]
        for order in range(1, max(orders) + 1):
            if order > 1:
                level = [
                    found
                    for each in level
                    for inner in inners
                    if only is None or has_derivative_of(each.label(inner), only)
                    for found in self._nested(each, inner, outer)
                ]
            before = len(self._results)
            for each in level if order in orders else []:
                for mode in modes if order == 1 else outer:
                    if only is None or each.label(mode) in only:
                        self.check_mode(each.derivatives, each.x0, mode, each.inner)
            asked = order in orders and (only is None or order in map(order_of, only))
            if order > 1 and asked and len(self._results) == before:
                self._not_checked.append(
                    f"no {ordinal(order)} derivative was checked, since there is no rule; pass "
                    f"order={order - 1}"
                )
            if stops and any(result.is_wrong for result in self._results):
                return

    def check_mode(
        self, derivatives: LibraryDerivatives, x0: Any, mode: str, inner: str = ""
    ) -> None:
        """Check one mode, if there is a rule for it.

        Mode "vmap" is both other modes mapped, or the one that there is a rule for. What a rule
        raises is kept until all modes are checked: if a rule is wrong in one mode, another mode may
        fail for the same reason.

        Parameters
        ----------
        derivatives : LibraryDerivatives
            The derivatives of the user's func, or of a derivative of it.
        x0 : Any
            Where to check, in the user's structure.
        mode : {"fwd", "rev", "lin", "vmap"}
            The mode.
        inner : str
            The mode of the derivative that is differentiated; empty for the user's func.
        """
        if mode == "lin":
            derivatives = derivatives.linearized()
        claims: dict[str, list[tuple[str, str, Callable[..., Any]]]] = {
            "fwd": [("fwd", "jvp", derivatives.jvp)],
            "lin": [("lin", "jvp", derivatives.jvp)],
            "rev": [("rev", "vjp", derivatives.vjp)],
            "vmap": [
                ("vmap of fwd", "jvp", derivatives.mapped_jvp),
                ("vmap of rev", "vjp", derivatives.mapped_vjp),
            ],
        }
        for name, form, claim in claims[mode]:
            label = label_of(name, inner)
            try:
                if not inner:
                    self._look_for_rule_errors(derivatives, label)
                result = self._finished(self._check_claim(derivatives, x0, form, claim, label))
                self._results.append(result.without_fixed() if inner else result)
                self._budget.require_running()
            except NoRuleError as no_rule:
                self._missing[label] = no_rule
            except MemoryError:
                raise
            except Exception as failure:
                self._failures[label] = failure

    def _look_for_rule_errors(self, derivatives: LibraryDerivatives, label: str) -> None:
        """Look for what is wrong with the rules of a mode whatever their numbers are."""
        try:
            for error in rule_errors(derivatives, "fwd" if label == "lin" else label):
                self._rule_errors[f"{label}: {error}"] = None
        except (NoRuleError, MemoryError):
            raise
        except STOPS as stop:
            self._budget.stopped_by(stop)
        except Exception as failure:  # which the claim may be right without
            self._failures[label] = failure

    def add_rule_errors(self, errors: Iterable[str]) -> None:
        """Count what is wrong with the rules whatever their numbers are."""
        self._rule_errors.update(dict.fromkeys(errors))

    @property
    def has_results(self) -> bool:
        """Whether any mode was checked."""
        return bool(self._results)

    def report(self, notes: Sequence[str] = ()) -> Report:
        """Return the report on all modes that were checked.

        Parameters
        ----------
        notes : sequence of str
            What else there is to say.

        Raises
        ------
        TypeError
            If no mode was checked, because there is no rule for any.
        Exception
            What a mode raised, unless another mode is wrong, which may be the reason.
        """
        if self._results:  # func is fine, so what it raises under vmap is an error of a rule
            for label in [each for each in self._failures if each.startswith("vmap")]:
                failure = self._failures.pop(label)
                self._rule_errors[f"{label}: raises {brief(failure)}"] = None
        failed = next(iter(self._failures.values()), None)
        if not self._results:
            if failed is not None:
                raise failed
            label, error = next(iter(self._missing.items()))
            raise TypeError(f"func cannot be differentiated in mode {label}: {error}") from error
        errors, notes = list(self._rule_errors), [*notes, *self._notes()]
        found = errors, self._not_checked, notes, self._budget.reason, self._options.keep_samples
        report = report_on(self._results, *found)
        if failed is not None and report.verdict is not Verdict.WRONG:
            raise failed
        return report

    def _check_claim(
        self,
        derivatives: LibraryDerivatives,
        x0: Any,
        form: str,
        claim: Callable[..., Any],
        label: str,
    ) -> ClaimResult:
        """Give one derivative to the pipeline as a claim."""
        options = replace(self._options, bounds=derivatives.bounds)
        # A tangent of the user's is one like x0, for the jvp of func. A function is for both.
        takes_tangent = form == "jvp" and label in (*MODES, "vmap of fwd")
        takes_tangent |= is_projection(options.direction) and label in (*MODES, "vmap of rev")
        if not takes_tangent and not isinstance(options.direction, (str, int)):
            options = replace(options, direction="random")
        evaluation = options.evaluation.of_derivative(derivatives.loop, order_of(label) > 1)
        options = replace(options, evaluation=evaluation)
        problem = Problem(form, derivatives.func, claim, x0, self._args, options, label)
        return examine(replace(problem, constants=derivatives.constants))

    def _nested(self, outer: _Nested, inner: str, modes: Sequence[str]) -> Iterator[_Nested]:
        """Yield one derivative as a func to be differentiated, if it can be."""
        label, derivatives = outer.label(inner), outer.derivatives
        if inner == "lin":
            derivatives = derivatives.linearized()
        x0, rng = derivatives.point.copy_for_claim(), np.random.default_rng(_SEED)
        if inner == "rev":
            func = derivatives.nested_vjp()
            inputs = {"x0": x0, "cotangent": derivatives.random_like(derivatives.values(), rng)}
        else:
            func = derivatives.nested_jvp()
            inputs = {"x0": x0, "tangent": derivatives.random_like(derivatives.primals(), rng)}
        constants = tuple(f"['x0']{path}" for path in derivatives.constants)
        point = make_point(inputs, allow_complex=True, constants=constants)
        bounds, loop = _bounds_of(derivatives, inputs), not derivatives.library.maps_gradients
        try:
            nested = LibraryDerivatives(
                func, self._args, point, bounds, loop, constants, None, derivatives.ranks
            )
        except NoRuleError as error:
            self._missing.update({label_of(mode, label): error for mode in modes})
            return
        yield _Nested(label, nested, inputs)

    def _notes(self) -> list[str]:
        """Return what the report says about modes and arguments that were not checked."""
        notes = [f"not checked: {label} ({error})" for label, error in self._missing.items()]
        notes += [f"not checked: {label} ({brief(e)})" for label, e in self._failures.items()]
        if any(is_array(arg) and is_floating(arg) for arg in self._args):
            notes.append(
                "not differentiated, since not in x0: the further arguments; to check those too, "
                "make x0 a tuple of all"
            )
        return notes


@dataclass(frozen=True)
class _Nested:
    """A derivative of func that is differentiated: what is checked of one order, and where."""

    inner: str
    derivatives: LibraryDerivatives
    x0: Any

    def label(self, mode: str) -> str:
        """Return what a mode is called here."""
        return label_of(mode, self.inner)


def _bounds_of(derivatives: LibraryDerivatives, inputs: dict[str, Any]) -> Any:
    """Return the bounds on x0 as bounds on `inputs`; its tangent or cotangent has none."""
    if derivatives.bounds is None:
        return None
    point = derivatives.point
    free = {
        key: [point.xp.ones_like(part) for part in parts]
        for key, parts in inputs.items()
        if key != "x0"
    }
    return [
        {"x0": point.rebuilt(point.from_host(side))}
        | {key: [sign * math.inf * one for one in ones] for key, ones in free.items()}
        for side, sign in zip(derivatives.limits, (-1, 1), strict=True)
    ]
