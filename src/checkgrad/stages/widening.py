"""From a problem in narrow dtypes to the same problem in float64, if that can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from checkgrad.arrays.blocks import BLOCK
from checkgrad.arrays.messages import brief
from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import CannotWidenError, Observation, Widening, is_out_of_memory
from checkgrad.claims.make import make_claim
from checkgrad.claims.widened import NativeClaim, PreferredClaim
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.whose_error import is_of_float64
from checkgrad.evaluate.wide_evaluator import WideEvaluator
from checkgrad.evaluate.widened import Wide, WideUserFunction, wide_claim_function
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.measure.trust import Agreement, compare_in_float64, follows_float64
from checkgrad.precision import DOUBLE, SINGLE
from checkgrad.problem import Problem
from checkgrad.stages.parsed import ParsedProblem

_WIDE_ARRAYS = 3  # like x0 in float64: the claim, a point, and one that func makes of it
_DOUBLE = 8  # bytes of a number in float64
_SEED = 0  # of the point at which the two functions are compared, besides x0


@dataclass(frozen=True)
class WidenedProblem:
    """A problem whose func is evaluated in float64, and whose claim is, if it can be.

    Attributes
    ----------
    parsed : ParsedProblem
        What a check in float64 works with.
    evaluator : WideEvaluator
        Its evaluator.
    value : array
        All numbers of ``func(x0)``.
    observation : Observation
        What was met inside of ``func``.
    claim : PreferredClaim
        The claim, also in the dtypes of the user.
    claim_function : WideUserFunction
        The function behind the claim in float64.
    disagreement : str
        Where ``func`` differs from the one of the user by more than rounding explains; empty if it
        does not.
    sees_inside : bool
        Whether narrower floats inside of ``func`` were widened too.
    rounds_inside : callable
        Returns where ``func`` rounds to a narrower dtype all the same; empty if it does not. The
        answer takes four evaluations. Where x0 is large, it is asked for last: a claim that agrees
        with ``func`` in float64 to many digits needs no answer.
    """

    parsed: ParsedProblem
    evaluator: WideEvaluator
    value: Floats
    observation: Observation
    claim: PreferredClaim
    claim_function: WideUserFunction
    disagreement: str
    sees_inside: bool
    rounds_inside: Callable[[], str] = str

    def release(self) -> None:
        """Give back the memory that func and the claim keep from one evaluation to the next."""
        self.evaluator.release()
        self.claim_function.release()


def widen(problem: Problem, native: ParsedProblem, value: Floats) -> WidenedProblem:
    """Return the problem in float64.

    Parameters
    ----------
    problem : Problem
        The problem.
    native : ParsedProblem
        The same, parsed.
    value : array
        All numbers of ``func(x0)`` in the dtypes of the user.

    Raises
    ------
    CannotWidenError
        If ``func`` cannot be evaluated in float64, or rounds to a narrower dtype there.
    """
    if problem.options.method != "differences":
        raise CannotWidenError(f"method is {problem.options.method!r}")
    backend = native.point.backend
    for leaf in native.point.leaves:
        if obstacle := backend.lacks_float64(leaf):
            raise CannotWidenError(obstacle)
    if obstacle := _lacks_memory(native.point):
        raise CannotWidenError(obstacle)
    disagreeing = None
    for widening in backend.widenings():
        if not native.is_narrow and not widening.sees_inside:
            continue
        try:
            widened = _widened_by(widening, problem, native, value)
        except CannotWidenError as error:
            obstacle = obstacle or str(error)
            continue
        if not widened.disagreement:
            return widened
        disagreeing = disagreeing or widened
    if disagreeing is not None:
        return disagreeing
    raise CannotWidenError(obstacle or "nothing sees narrower floats inside of a func of float64")


def _lacks_memory(point: Point) -> str:
    """Return why there is no memory for a large x0 in float64; empty if there is."""
    if point.size <= BLOCK:
        return ""
    needed, free = _WIDE_ARRAYS * _DOUBLE * point.size, point.backend.free_memory(point.leaves[0])
    if needed <= free:
        return ""
    return f"it takes {needed / 1e9:.2g} GB at least, and {free / 1e9:.2g} GB of memory are free"


def _widened_by(
    widening: Widening, problem: Problem, native: ParsedProblem, value: Floats
) -> WidenedProblem:
    wide = Wide(widening, native.point)
    with native.point.backend.with_float64():
        try:
            point = native.point.widened()
            parsed, evaluator = _parsed(problem, native, point, wide)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise CannotWidenError(brief(error)) from error
    try:
        found, agreement, rounds_inside = _compared(widening, native, parsed, evaluator, value)
        if native.point.size <= BLOCK or problem.options.precision == "float64":
            if obstacle := rounds_inside():
                raise CannotWidenError(obstacle)
            rounds_inside = str
    except (CannotWidenError, *STOPS):
        native.evaluator.n_refused += evaluator.n_func
        raise
    vectors = _vector_dtypes(native, wide)
    budget = problem.options.evaluation.budget
    seen = evaluator.observation
    function = wide_claim_function(
        problem.claim, problem.args, wide, *vectors, observes=bool(seen.casts), budget=budget
    )
    claim = PreferredClaim(
        make_claim(problem.form, function, point, parsed.reader),
        NativeClaim(native.claim, native.point, point),
        cast_epsilon=seen.epsilon if seen.casts else 0.0,
        observation=lambda: function.observation,
    )
    return WidenedProblem(
        parsed=replace(parsed, claim=claim, rounding_units=agreement.units),
        evaluator=evaluator,
        value=found,
        observation=evaluator.observation,
        claim=claim,
        claim_function=function,
        disagreement=agreement.disagreement,
        sees_inside=widening.sees_inside,
        rounds_inside=rounds_inside,
    )


def _compared(
    widening: Widening,
    native: ParsedProblem,
    parsed: ParsedProblem,
    evaluator: WideEvaluator,
    value: Floats,
) -> tuple[Floats, Agreement, Callable[[], str]]:
    """Return all numbers of func(x0) in float64, and how they compare with those of the user.

    The last is `WidenedProblem.rounds_inside`.

    Raises
    ------
    CannotWidenError
        If func cannot be evaluated in float64.
    """
    with native.point.backend.with_float64():
        if not native.is_narrow and evaluator.coarsest_epsilon() <= DOUBLE:
            raise CannotWidenError("it computes in float64 already")
        try:
            found = parsed.values_at_x0()
        except CannotWidenError:
            raise
        except Exception as error:
            if not is_of_float64(error):
                raise
            raise CannotWidenError(brief(error)) from error
    if parsed.is_narrow:
        raise CannotWidenError("it returns a narrower dtype whatever it gets")
    every = Outputs(np.arange(value.size), np.empty((0, value.size)))
    rng = np.random.default_rng(_SEED)
    near = Neighbourhood(native.evaluator, every, value, native.bounds, rng)
    agreement, seen = compare_in_float64(near, evaluator, found), evaluator.observation
    if agreement.disagreement:
        return found, agreement, str

    def rounds_inside() -> str:
        is_unseen = seen.may_round or not widening.sees_inside
        if not is_unseen or follows_float64(near, evaluator, found):
            return ""
        operations = f", in {', '.join(seen.islands)}" if seen.islands else ""
        return f"it rounds to a narrower dtype inside{operations}"

    # An island rounds as coarsely as before, whatever its operands hold.
    return found, replace(agreement, units=0.0) if seen.islands else agreement, rounds_inside


def _parsed(
    problem: Problem, native: ParsedProblem, point: Point, wide: Wide
) -> tuple[ParsedProblem, WideEvaluator]:
    evaluation = problem.options.evaluation
    reader = None
    if native.reader is not None:
        reader = OutputReader(point, many=evaluation.batch == "vectorized")
    evaluator = WideEvaluator(problem.func, point, problem.args, evaluation, reader, wide)
    parsed = replace(native, point=point, evaluator=evaluator, reader=reader, user_epsilon=SINGLE)
    return parsed, evaluator


def _vector_dtypes(native: ParsedProblem, wide: Wide) -> list[list[Any]]:
    """Return the dtypes in which the claim gets a tangent or a cotangent, if it takes one."""
    if native.form == "jvp":
        return [wide.natives()]
    if native.form == "vjp" and native.reader is not None:
        return [[part.like.dtype for part in native.reader.spec.parts]]
    return []
