"""A problem whose parts are parsed: x0 as a point, func and claim ready to be evaluated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkgrad.arrays.bounds import make_bounds
from checkgrad.arrays.messages import require_functions
from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Floats, Point, make_point
from checkgrad.arrays.processes import agreement
from checkgrad.claims.forms import Claim
from checkgrad.claims.make import make_claim
from checkgrad.evaluate.calling import UserFunction
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.outputs import Outputs
from checkgrad.precision import DOUBLE
from checkgrad.problem import Options, Problem, epsilon_of


@dataclass(frozen=True)
class ParsedProblem:
    """What a check works with.

    Attributes
    ----------
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function the claim is.
    name : str
        What the user calls x0.
    point : Point
        x0.
    evaluator : Evaluator
        Evaluates ``func``.
    reader : OutputReader or None
        Knows what ``func`` returns; None where that is a number.
    claim : Claim
        The claim.
    bounds : tuple of array
        The bounds.
    rng : numpy.random.Generator
        Where random numbers come from.
    options : Options
        As the user passed them.
    user_epsilon : float
        The coarsest machine epsilon that counts as the user's where ``func`` is evaluated in
        float64; else 0.
    rounding_units : float
        How many machine epsilons of its value rounding may change ``func`` by, as far as that is
        known; else 0.
    looks_elsewhere : bool
        As in `checkgrad.problem.Problem`.
    """

    form: str
    name: str
    point: Point
    evaluator: Evaluator
    reader: OutputReader | None
    claim: Claim
    bounds: tuple[Floats, Floats]
    rng: np.random.Generator
    options: Options
    user_epsilon: float = 0.0
    rounding_units: float = 0.0
    looks_elsewhere: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether x0, or ``func(x0)`` as it was returned, is narrower than float64."""
        returned = float(self.evaluator.value_epsilon)
        if self.reader is not None:
            returned = max(part.epsilon for part in self.reader.spec.parts)
        return max(epsilon_of(self.point), returned) > DOUBLE

    def values_at_x0(self) -> Floats:
        """Evaluate ``func`` at x0, anew at each call, and return all its numbers.

        Raises
        ------
        ValueError
            If there are none, or one is not finite.
        """
        if self.reader is None:
            return np.asarray([self.evaluator.value_at_x0()])
        vector = self.evaluator.vector_at_x0()
        if vector.size == 0:
            raise ValueError("func(x0) is empty; there is no derivative to check")
        bad = np.flatnonzero(~np.isfinite(vector))
        if bad.size:
            place = self.reader.spec.place(int(bad[0]))
            raise ValueError(
                f"func(x0){place} is {vector[bad[0]]}; a derivative can be checked where func is "
                "finite only"
            )
        return vector

    def dtype_epsilons(self, outputs: Outputs) -> Floats:
        """Return the machine epsilon of the coarser of the dtypes of x0 and of each output."""
        at_x0 = epsilon_of(self.point)
        if self.reader is None:
            return np.asarray([max(at_x0, float(self.evaluator.value_epsilon))])
        spec = self.reader.spec
        coarsest = max(part.epsilon for part in spec.parts)
        single = [spec.parts[spec.part_of(i)].epsilon for i in outputs.entries.tolist()]
        epsilons = np.asarray(single + [coarsest] * len(outputs.weights))
        coarser: Floats = np.maximum(epsilons, at_x0)
        return coarser


def parse(problem: Problem) -> ParsedProblem:
    """Validate a problem, and make what a check works with. Nothing is evaluated yet.

    Raises
    ------
    TypeError, ValueError
        If a part of the problem has no meaning.
    """
    options = problem.options
    require_functions(**{"func": problem.func, problem.form: problem.claim})
    spread = options.evaluation.spread
    point = make_point(problem.x0, True, options.convention, problem.constants, spread)
    budget = options.evaluation.budget
    budget.agree = agreement(point) or budget.agree
    reader = None
    if problem.form != "grad":
        reader = OutputReader(point, many=options.evaluation.batch == "vectorized")
    evaluator = Evaluator(problem.func, point, problem.args, options.evaluation, reader)
    bounds = make_bounds(options.bounds, point, problem.name)
    rng = options.generator()
    name = problem.form
    function = UserFunction(problem.claim, problem.args, name=name, budget=budget, is_func=False)
    claim = make_claim(problem.form, function, point, reader)
    options.require_method(point)
    options.require_precision()
    options.require_locate()
    options.require_keep_samples()
    return ParsedProblem(
        problem.form,
        problem.name,
        point,
        evaluator,
        reader,
        claim,
        bounds,
        rng,
        options,
        looks_elsewhere=problem.looks_elsewhere,
    )
