"""One way for claims of every form: from a func and a claim to the evidence, and to a report."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.bounds import bounded, make_bounds, within
from checkgrad.arrays.messages import quote, require_functions
from checkgrad.arrays.outputs import VectorFunction, few_digits
from checkgrad.arrays.point import Floats, Point, make_point
from checkgrad.backends import Array
from checkgrad.claims.forms import (
    Claim,
    GradClaim,
    JacClaim,
    JvpClaim,
    LeavesSlope,
    Rows,
    Slope,
    VjpClaim,
)
from checkgrad.evaluate.batch import CHUNK_BYTES, for_one_point
from checkgrad.evaluate.complex_step import ComplexSteps, gather_by_complex_steps
from checkgrad.evaluate.directions import (
    Lines,
    Tangents,
    coordinate_lines,
    given_tangent,
    random_tangents,
    roomier,
    scaled_tangent,
)
from checkgrad.evaluate.evaluator import Sampler
from checkgrad.evaluate.samples import CoordinateSamples
from checkgrad.numerics.decide import Verdict
from checkgrad.numerics.estimate import most_cancelled, noise_along_line, noise_beside_jumps
from checkgrad.refine.loop import Task, gather
from checkgrad.report.reasons import Part, Subject, report_on
from checkgrad.report.report import Report

ALL_UP_TO = 1000  # coordinates: a few seconds at most where a call of func takes a millisecond
ENTRIES_UP_TO = 100_000  # of a Jacobian: each is judged by itself
TANGENTS = 10  # random tangents that "auto" checks beyond
METHODS = ("differences", "complex-step")
_DOUBLE, _SINGLE = 2.0**-52, 2.0**-23  # machine epsilons
_RTOL = ((_DOUBLE, 1e-5), (_SINGLE, 1e-3), (2.0**-10, 5e-2), (2.0**-7, 2e-1))
_SEED = 0  # without rng, so that a test gives the same verdict whenever it runs
_REPEATABLE = 100.0  # machine epsilons that two calls at x0 may differ by: parallel sums may
_REPEATABLE_AT_MOST = 1e-5  # ... except by a few of those of half precision
_LOUD = 16.0  # machine epsilons of noise above which func(x0) is called once more
_JITTER = 3  # points on each side of x0 (or twice as many within bounds) to measure noise at ...
_JITTER_UNITS = 2  # ... this many units in the last place apart
_ALL_BUT = 100.0  # times less noise without jumps at x0: then they were nearly all of it
_REGULAR = 2.0**-6  # of a change over so few units: a noise too small to be all there is ...
_APART = 2.0**-33  # ... which is seen over units of this machine epsilon
_QUIET = 0.5  # part of these points at which a func that rounds its input is as it is at x0
_TREADS = (0.56, 0.48, 0.39, 0.3, 0.22)  # of the digits: how far apart noise is looked for ...
_STAYS = 3.0  # ... and how many times larger it may be at the next of these distances
_FAR_LOUDER = 5.0  # times the noise next to x0 that one is which does not show there
_PART = 0.125  # of a machine epsilon, which rounding to nearest does not see ...
_SOME = 8.0  # ... and as many as it does
_NUMBERS = 6  # numbers of the coarser dtype around which nothing may move either ...
_NEARLY_HALF = 0.22  # ... over a part of its machine epsilon that is less than half of a unit
_PROPORTION = 3.0  # times that the change over them may be larger than so many over one
_NEIGHBOURS = 3  # points at which the noise of the claim is measured
_TIED_ROWS = 4  # rows first looked at for being differentiable; all of them if one is not
_LINEAR = 1000.0  # machine epsilons that a linear claim may differ from the sum of its terms by
_WRONG_ROWS = 3  # once so many are wrong, the others are not looked at as closely ...
_WRONG_ROWS_ALONG_TANGENTS = 1  # ... nor are they along tangents, which tell less


@dataclass(frozen=True)
class Options:
    """What all doors take, see `checkgrad.verify_grad`."""

    direction: Any = "auto"
    rtol: Any = None
    bounds: Any = None
    rng: Any = None
    batch: str = "auto"
    chunk_bytes: int = CHUNK_BYTES
    convention: str | None = None
    method: str = "differences"


@dataclass(frozen=True)
class Question:
    """A claim, and the func that it is the derivative of.

    Attributes
    ----------
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function the claim is.
    func, claim : callable
        As the user passed them.
    x0, args : Any
        Likewise.
    options : Options
        Likewise.
    label : str
        What this claim is called in the report, if it is one of several.
    """

    form: str
    func: Callable[..., Any]
    claim: Callable[..., Any]
    x0: Any
    args: tuple[Any, ...] = ()
    options: Options = field(default_factory=Options)
    label: str = ""


def check(question: Question) -> Report:
    """Judge a claim."""
    return report_on([examine(question)])


def examine(question: Question) -> Subject:
    """All that is found out about a claim."""
    examination = _Examination(question)
    # Overflow and the like is expected; the user's code at x0 does not run under this.
    with np.errstate(all="ignore"):
        return examination.run()


class _Examination:
    """The state of one check, in the order in which it is found out."""

    def __init__(self, question: Question) -> None:
        options = question.options
        require_functions(**{"func": question.func, question.form: question.claim})
        self.question = question
        self.name = _argument_name(question.func)
        self.point = make_point(question.x0, allow_complex=True, convention=options.convention)
        self.outputs: VectorFunction | None = None
        func = question.func
        if question.form != "grad":
            self.outputs = VectorFunction(func, self.point, many=options.batch == "vectorized")
            func = self.outputs
        self.sampler = Sampler(func, self.point, question.args, options.batch, options.chunk_bytes)
        self.limits = make_bounds(options.bounds, self.point, self.name)
        self.rng = _generator(options.rng)
        self.claim = self._claim()
        self.notes: dict[str, None] = {}  # in order, and each once
        self._size = 1  # of what func returns
        self._besides_axes: list[list[Array]] = []  # tangents
        if options.method not in METHODS:
            raise ValueError(
                f"method is {quote(options.method)}; pass 'differences' or 'complex-step'"
            )
        if options.method == "complex-step" and any(self.point.complexes):
            raise ValueError("method is 'complex-step', but x0 is complex; pass 'differences'")
        if options.method == "complex-step" and _precision(self.point) > _SINGLE:
            dtypes = ", ".join(dict.fromkeys(str(leaf.dtype) for leaf in self.point.leaves))
            raise ValueError(
                f"method is 'complex-step', but x0 has dtype {dtypes}, of which there are no "
                "complex numbers; pass 'differences'"
            )

    def _claim(self) -> Claim:
        question = self.question
        form, function, args = question.form, question.claim, question.args
        if self.outputs is None:
            return GradClaim(function, form, self.point, args)
        forms: dict[str, Any] = {"jac": JacClaim, "jvp": JvpClaim, "vjp": VjpClaim}
        claim: Claim = forms[form](function, form, self.point, args, self.outputs)
        return claim

    def run(self) -> Subject:
        vector = self._value()
        self._size = vector.size
        rows, plan = self._plan(vector)
        value = rows.of(vector)
        slopes = list(self.claim.slopes(self.point.leaves, rows))
        nominal = self._nominal(rows)
        coarsest, noise, unseen = self._precision_and_noise(rows, value, nominal)
        asked = self.question.options.rtol
        rtol = np.asarray([_tolerance(asked, max(e, self.claim.epsilon)) for e in coarsest])
        subject = Subject(
            self.point,
            self.name,
            self.sampler,
            self.claim,
            self.outputs,
            rows,
            self.question.form,
            self.question.label,
            self.notes,
        )
        at_x0 = _AtX0(value, noise, nominal, coarsest, rtol)
        steady = np.ones(rows.count, dtype=bool)
        if np.any(noise > _LOUD * coarsest * np.abs(value)):
            again = rows.of(self._value())
            steady = _steady(value, again, coarsest)
            subject.note_unsteady(value, again, rtol, steady)
            noise[:] = np.fmax(noise, np.abs(again - value))
        parts = list(self._judged(rows, plan, slopes, at_x0, steady))
        louder = self._noise_apart(parts, rows, at_x0, unseen)
        if np.any(louder > noise):
            at_x0 = replace(at_x0, noise=louder)
            parts.clear()  # whose tangents take memory too
            parts = list(self._judged(rows, plan, slopes, at_x0, steady))
        if not all(np.all(part.evidence.assessment.resolved) for part in parts):
            # Before anything is said against the claim: does func still say what it said?
            again = rows.of(self._value())
            steady &= _steady(value, again, coarsest)
            subject.note_unsteady(value, again, rtol, steady)
            parts = [part for part in parts if steady[part.row]]
            parts = self._without_ties(parts, rows, at_x0)
        if plan.axes:
            parts = [part for part in parts if not self._besides(part, parts, rows)]
        subject.parts.extend(parts)
        return subject

    def _besides(self, part: Part, parts: Sequence[Part], rows: Rows) -> bool:
        """Whether a part only looks for claims that are not linear, and this one is.

        What the axes show is not put in doubt by what differences make of a sum of outputs, or of
        a tangent; nor is it by noise there.
        """
        entries = len(rows.entries)
        axes = {each.row: each.evidence.claim for each in parts if each.lines.axes}
        if part.lines.axes and (part.row < entries or not entries):
            return False
        if not np.any(part.evidence.assessment.wrong):
            return True
        if not part.lines.axes:
            (tangent,) = self._besides_axes
            terms = axes[part.row] * self.point.on_host(tangent) if part.row in axes else None
        else:
            known = all(row in axes for row in range(entries))
            weights = rows.weights[part.row - entries][rows.entries][:, None]
            terms = weights * np.stack([axes[row] for row in range(entries)]) if known else None
        if terms is None or not np.all(np.isfinite(terms)):
            return False
        axis = -1 if terms.ndim == 1 else 0
        off = np.abs(part.evidence.claim - np.sum(terms, axis=axis))
        size = np.sum(np.abs(terms), axis=axis)
        slack = max(part.task.rtol, _LINEAR * max(part.task.precision, self.claim.epsilon))
        return bool(np.all(off <= slack * np.max(size, initial=0.0)))

    def _without_ties(self, parts: list[Part], rows: Rows, at_x0: _AtX0) -> list[Part]:
        """Wrong claims are left open where ``func`` is not differentiable.

        It may be smooth along every axis all the same, as the median of equal numbers is: then its
        derivative along a tangent is not the sum of those along the axes.
        """
        suspects = {part.row for part in parts if np.any(part.evidence.assessment.wrong)}
        axes = [
            part
            for part in parts
            if part.lines.axes and part.row in suspects and part.row < len(rows.entries)
        ]
        axes = [part for part in axes if np.all(np.isfinite(part.reliable_uncertainty()))]
        if not axes or self.point.size == 1:
            return parts
        tied = {part.row for part in axes[:_TIED_ROWS] if not self._additive(part, rows, at_x0)}
        if tied:
            tied |= {
                part.row for part in axes[_TIED_ROWS:] if not self._additive(part, rows, at_x0)
            }
        return [part.tied() if part.row in tied else part for part in parts]

    def _additive(self, part: Part, rows: Rows, at_x0: _AtX0) -> bool:
        """Whether a row changes along a random tangent by what the estimates along the axes say."""
        point, lines = self.point, part.lines
        tangents = scaled_tangent(point, lines.probes.scale, self.limits, self.rng)
        lengths = np.abs(point.on_host(tangents.tangents[0]))
        slope = LeavesSlope(point.from_host(part.evidence.estimate.value), point)
        chosen = rows.chosen([part.row])
        (along,) = tangents.lines(self.sampler, chosen, self.claim, [slope], self.limits)
        unsure = np.asarray([np.sum(lengths * part.reliable_uncertainty())])
        task = at_x0.task(part.row, along, partial(np.copy, unsure), single=False)
        return not np.any(gather(task).assessment.wrong)

    def _value(self) -> Floats:
        """``func(x0)`` as a vector; each call evaluates it anew."""
        if self.outputs is None:
            return np.asarray([self.sampler.value_at_x0()])
        vector = self.sampler.vector_at_x0()
        if vector.size == 0:
            raise ValueError("func(x0) is empty; there is no derivative to check")
        bad = np.flatnonzero(~np.isfinite(vector))
        if bad.size:
            place = self.outputs.spec.place(int(bad[0]))
            raise ValueError(
                f"func(x0){place} is {vector[bad[0]]}; a derivative can be checked where func is "
                "finite only"
            )
        return vector

    def _plan(self, vector: Floats) -> tuple[Rows, _Plan]:
        """What to look at, as `direction` says."""
        form, count = self.question.form, vector.size
        direction = _direction(self.question.options.direction, self.point, form == "vjp")
        every = Rows(np.arange(count), np.empty((0, count)))
        if isinstance(direction, str) and direction == "auto":
            few = self.point.size <= ALL_UP_TO
            few &= form == "grad" or self.point.size * count <= ENTRIES_UP_TO
            direction = "all" if few else TANGENTS
        if form == "grad":
            return every, _Plan.of(direction)
        if isinstance(direction, str):
            if form == "vjp":  # an error that no single output shows: it is not linear
                every = self._with_sums(every, vector, 1)
            return every, _Plan(axes=True, tangents=int(form == "jvp"))
        if form == "vjp" and not isinstance(direction, int):
            if isinstance(direction, (float, np.floating)) and count > 1:
                raise _meaningless(direction)
            weights = self._given_weights(direction)
            axes = self.point.size <= ALL_UP_TO
            rows = Rows(np.arange(0), weights[None])
            return rows, _Plan(axes=axes, tangents=0 if axes else TANGENTS)
        number = direction if isinstance(direction, int) else TANGENTS
        if count > (TANGENTS if isinstance(direction, int) else ALL_UP_TO):
            every = self._with_sums(Rows(np.arange(0), np.empty((0, count))), vector, number)
        elif form == "vjp":
            every = self._with_sums(every, vector, 1)
        return every, _Plan.of(direction)

    def _with_sums(self, rows: Rows, vector: Floats, number: int) -> Rows:
        """`rows`, and sums of all outputs with random weights, by the size of each part."""
        assert self.outputs is not None
        spec = self.outputs.spec
        size = np.ones(spec.size)
        for part, start in zip(spec.parts, spec.offsets, strict=True):
            if part.size == 0:
                continue
            here = slice(start, start + part.size)
            largest = np.max(np.abs(vector[here]), initial=0.0) or 1.0
            size[here] = largest * np.sqrt(np.mean((vector[here] / largest) ** 2)) or 1.0
        size = np.exp2(np.round(np.log2(size)))
        weights = self.rng.standard_normal((number, spec.size)) / size
        return Rows(rows.entries, np.concatenate([rows.weights, few_digits(weights)]))

    def _given_weights(self, direction: Any) -> Floats:
        """The weights of a cotangent that the user gave."""
        assert self.outputs is not None
        weights = self.outputs.vector(direction, "direction", said="is")
        if not np.all(np.isfinite(weights)) or not np.any(weights):
            problem = "not finite" if np.any(weights) else "zero everywhere"
            raise ValueError(f"direction is {problem}; pass a finite cotangent that is not zero")
        if self.point.conj_convention:
            spec = self.outputs.spec
            for part, start in zip(spec.parts, spec.offsets, strict=True):
                if part.paired:
                    weights[start + 1 : start + part.size : 2] *= -1
        return weights

    def _nominal(self, rows: Rows) -> Floats:
        """The machine epsilon of the coarser of the dtypes of x0 and of every row."""
        at_x0 = _precision(self.point)
        if self.outputs is None:
            return np.asarray([max(at_x0, float(self.sampler.value_epsilon))])
        parts = self.outputs.spec.parts
        coarsest = max(part.epsilon for part in parts)
        single = [parts[self.outputs.spec.part_of(i)].epsilon for i in rows.entries.tolist()]
        epsilons = np.asarray(single + [coarsest] * len(rows.weights))
        coarser: Floats = np.maximum(epsilons, at_x0)
        return coarser

    def _judged(
        self,
        rows: Rows,
        plan: _Plan,
        slopes: list[Slope],
        at_x0: _AtX0,
        steady: npt.NDArray[np.bool_],
    ) -> Iterator[Part]:
        """The evidence of every row that is steady, along the axes and the tangents of the plan."""
        wrong_rows = 0
        for look in self._looks(rows, plan, slopes, at_x0.value):
            noise_of_claim = self._claim_noise_of(look.lines, rows)
            beside = self._beside(look.lines, rows)
            exact = None
            if self.question.options.method == "complex-step":
                exact = self._complex_steps(look, rows)
            for row in np.flatnonzero(steady).tolist():
                lines = look.lines[row]
                single = lines.axes and row < len(rows.entries)
                noise = partial(noise_of_claim, row)
                task = at_x0.task(row, lines, noise, single, float(beside[row]))
                thorough = wrong_rows < (_WRONG_ROWS if lines.axes else _WRONG_ROWS_ALONG_TANGENTS)
                if exact is None or not self._analytic(exact, row, at_x0):
                    alone = single and rows.count == 1  # of many rows, few have steps in common
                    evidence = gather(task, thorough, look.axes if alone else None)
                else:
                    evidence = gather_by_complex_steps(task, exact.steps, row, thorough)
                wrong_rows += bool(np.any(evidence.assessment.wrong))
                nominal = float(at_x0.nominal[row])
                yield Part(row, lines, evidence, nominal, task)

    def _beside(self, lines: Sequence[Lines], rows: Rows) -> Floats:
        """The largest claim of the outputs that are in one array with that of each row."""
        found = np.zeros(rows.count)
        if self.outputs is None:
            return found
        sizes = [np.max(np.abs(each.claim), initial=0.0) for each in lines]
        parts = np.asarray([self.outputs.spec.part_of(i) for i in rows.entries.tolist()])
        for part in np.unique(parts).tolist():
            here = np.flatnonzero(parts == part)
            largest = max(sizes[row] for row in here.tolist())
            found[here] = largest if np.isfinite(largest) else 0.0
        return found

    def _complex_steps(self, look: _Look, rows: Rows) -> _Exact:
        """Complex steps along the lines of a look, and lines along which to check them."""
        question, size = self.question, self._size
        func = for_one_point(question.func, self.point, question.options.batch)
        steps = ComplexSteps(func, question.args, self.sampler, rows, size, look.tangents)
        if look.tangents is not None:
            lines = [
                replace(each, claim=steps.derivative(row)) for row, each in enumerate(look.lines)
            ]
            return _Exact(steps, lines)
        slopes: list[Slope] = [
            LeavesSlope(self.point.from_host(steps.derivative(row)), self.point)
            for row in range(rows.count)
        ]
        tangents = random_tangents(self.point, None, self.limits, 0.0, self.rng, 1)
        return _Exact(steps, tangents.lines(self.sampler, rows, self.claim, slopes, self.limits))

    def _analytic(self, exact: _Exact, row: int, at_x0: _AtX0) -> bool:
        """Whether complex steps agree with differences, as those of a real part do not."""
        lines = exact.lines[row]
        task = at_x0.task(row, lines, lambda: np.zeros(lines.probes.count), single=False)
        default = _tolerance(None, float(at_x0.precision[row]))
        found = gather(replace(task, rtol=max(task.rtol, default)))
        analytic = found.assessment.verdict is Verdict.CORRECT
        if not analytic:
            self.notes[
                "complex steps and differences disagree: func is not analytic (does it "
                "take a modulus, a real part or a conjugate?); differences count"
            ] = None
        return analytic

    def _looks(
        self, rows: Rows, plan: _Plan, slopes: Sequence[Slope], value: Floats
    ) -> Iterator[_Look]:
        point, limits = self.point, self.limits
        if plan.axes:
            x0 = point.on_host(point.leaves)
            samples = CoordinateSamples(self.sampler, rows, x0, limits, self.rng)
            yield _Look(
                [
                    coordinate_lines(samples, row, slope, point, limits, float(value[row]))
                    for row, slope in enumerate(slopes)
                ],
                axes=samples,
            )
        tangents = self._tangents(plan, slopes, value)
        if tangents is not None:
            lines = tangents.lines(self.sampler, rows, self.claim, slopes, limits)
            along = tangents.tangents
            del tangents  # whose sizes take memory too
            if plan.axes:
                self._besides_axes = along
            yield _Look(lines, tangents=along)

    def _tangents(self, plan: _Plan, slopes: Sequence[Slope], value: Floats) -> Tangents | None:
        single = slopes[0].leaves if len(slopes) == 1 else None
        number = float(value[0]) if single is not None else 0.0
        if plan.given is not None:
            return given_tangent(self.point, single, number, plan.given)
        if plan.tangents:
            return random_tangents(self.point, single, self.limits, number, self.rng, plan.tangents)
        return None

    def _precision_and_noise(
        self, rows: Rows, value: Floats, nominal: Floats
    ) -> tuple[Floats, Floats, _Unseen]:
        """The machine epsilon that every row is computed with, its noise, and what may hide it."""
        coarsest = nominal.copy()
        epsilon = float(np.max(nominal))
        near = self._near(rows, value, epsilon)
        whole = np.asarray([noise_along_line(column) for column in near.T])
        noise = whole
        loud = whole > _LOUD * nominal * np.abs(value)
        if np.any(loud):
            noise = np.where(loud, self._without_jumps(rows, value, epsilon, near, whole), whole)
        change = np.max(np.abs(near - value), axis=0)
        regular = (whole <= _REGULAR * change) & (nominal <= _DOUBLE)
        quiet = np.mean(near == value, axis=0) > _QUIET
        unseen = _Unseen(np.where(regular, change, 0.0), quiet)
        if not np.any(quiet):
            return coarsest, noise, unseen
        for coarser in (each for each, _ in _RTOL if each > epsilon):
            rounds = quiet & self._rounds_to(coarser, rows, value, epsilon, quiet)
            coarsest = np.where(rounds, coarser, coarsest)
        again = quiet & ((coarsest > nominal) | (nominal <= _DOUBLE))
        # Over units of float32 the third differences of what is smooth are far below those of
        # float64.
        for precision in np.unique(np.fmax(coarsest[again], _SINGLE)).tolist():
            here = again & (np.fmax(coarsest, _SINGLE) == precision)
            farther = self._near(rows, value, precision)
            for row in np.flatnonzero(here).tolist():
                noise[row] = max(noise[row], noise_along_line(farther[:, row]))
        return coarsest, noise, unseen

    def _noise_apart(
        self, parts: Sequence[Part], rows: Rows, at_x0: _AtX0, unseen: _Unseen
    ) -> Floats:
        """The noise of rows with unresolved claims, measured farther from x0 where it is regular.

        Next to x0 the rounding errors of a product may be as good as equal, or in proportion to the
        distance, so that they look like a slope: those of ``x * x`` for x near 1 - d vary over
        some 1 / d units in the last place only. Rounding moves func by no more than some units of
        x0 do; what moves it farther, as a jump or a pole, is no noise.
        """
        noise = at_x0.noise.copy()
        left = {p.row for p in parts if not np.all(p.evidence.assessment.resolved)}
        doubtful = [row for row in left if unseen.regular[row] > 0]
        if doubtful:
            apart = self._near(rows, at_x0.value, _APART)
            for row in doubtful:
                seen = noise_along_line(apart[:, row])
                if seen <= unseen.regular[row]:
                    noise[row] = max(noise[row], seen)
        # In float32, to look where not all stands still leaves open as many claims as it settles.
        rough = (unseen.regular == 0) & (at_x0.nominal <= _DOUBLE)
        hidden = np.asarray([row for row in left if unseen.still[row] or rough[row]], dtype=int)
        if hidden.size:
            found = self._noise_of_treads(rows, at_x0, hidden)
            least = noise[hidden] * np.where(unseen.still[hidden], 1.0, _FAR_LOUDER)
            noise[hidden] = np.where(found > least, found, noise[hidden])
        return noise

    def _noise_of_treads(self, rows: Rows, at_x0: _AtX0, chosen: npt.NDArray[np.intp]) -> Floats:
        """The noise of some rows as it is at points apart, 0 where they are found to be smooth.

        Large terms that cancel round in steps, on the treads of which nothing moves: a logarithm
        of a sum, less the largest of its terms. Those of a sum of millions round as one next to x0,
        where it moves by a unit in the last place, and each by itself farther away. Over points
        farther and farther apart such a noise appears and then stays as it is, while third
        differences of what is smooth grow with the cube of the distance, and those of a kink in
        proportion to it.
        """
        noise = np.zeros(chosen.size)
        precision = at_x0.precision[chosen]
        digits = -math.log2(float(np.max(precision)))
        if digits < -math.log2(_SINGLE):
            return noise  # too few to tell them apart
        before = noise
        for part in _TREADS:
            line = self._near(rows, at_x0.value, 2.0 ** -round(part * digits))[:, chosen]
            found = np.asarray([noise_along_line(column) for column in line.T])
            stays = (before > 0) & (found <= _STAYS * before) & (noise == 0)
            noise = np.where(stays, before, noise)
            before = found
        most = most_cancelled(precision, at_x0.value[chosen])
        return np.where(noise <= most, noise, 0.0)

    def _without_jumps(
        self, rows: Rows, value: Floats, precision: float, near: Floats, noise: Floats
    ) -> Floats:
        """The `noise` of every row, but for jumps right at x0: they are none.

        They are jumps if they make nearly all of the noise, and do so along another line too.
        """
        at_x0 = 0 if bounded(self.limits) else _JITTER

        def rest(line: Floats, noise: Floats) -> Floats:
            others = np.asarray([noise_beside_jumps(column, at_x0) for column in line.T])
            return np.where(others < noise / _ALL_BUT, others, noise)

        found = rest(near, noise)
        if np.all(found == noise):
            return noise
        line = self._near(rows, value, precision)
        again = rest(line, np.asarray([noise_along_line(column) for column in line.T]))
        larger: Floats = np.fmax(found, again)
        return larger

    def _values(self, points: Iterator[Any], rows: Rows) -> Floats:
        """The rows at some points, shape (points, rows)."""
        found = self.sampler.host_values(points)
        return rows.of(found.reshape(found.shape[0], -1))

    def _near(self, rows: Rows, value: Floats, precision: float) -> Floats:
        """``func`` at points on a line through x0, a few units in the last place apart."""
        point, limits = self.point, self.limits
        signs = point.random_signs(self.rng)
        behind = _JITTER
        if bounded(limits):
            signs, behind = roomier(point, signs, limits), 0
        counts = [_JITTER_UNITS * (k - behind) for k in range(2 * _JITTER + 1) if k != behind]

        def points() -> Iterator[Any]:  # each handed over before the next is made
            for count in counts:
                leaves = point.neighbour(signs, count, precision)
                yield point.assemble(within(point, leaves, limits))
                del leaves  # before the next are made

        values = self._values(points(), rows)
        near: Floats = np.insert(values, behind, value, axis=0)
        return near

    def _rounds_to(
        self, coarser: float, rows: Rows, value: Floats, precision: float, asked: Any
    ) -> Any:
        """Whether a row rounds its input to a dtype of machine epsilon `coarser`, if `asked`.

        A func that casts to a coarser dtype first does not change at all between a number of that
        dtype and others a part of a unit in the last place away, at x0 and on the way to others.
        Over one unit it does, and over some in proportion, by more than a slope could hide in the
        rounding of its value.
        """
        point, limits = self.point, self.limits
        same = point.blockwise(
            lambda x: point.xp.all(point.coarsened(x, coarser) == x), point.leaves
        )
        at_x0 = all(bool(block) for block in same)
        signs = point.random_signs(self.rng)

        def found(part: float, count: int = 0) -> Floats:
            """At `part` of a unit off the number that is so many of them away."""

            def moved(x: Any, sign: Any) -> Any:
                base = point.coarsened(x, coarser)
                base = point.coarsened(base + count * coarser * base * sign, coarser)
                return base + part * coarser * base * sign

            leaves = point.leafwise(moved, signs)
            points = iter([point.assemble(within(point, leaves, limits))])
            found: Floats = self._values(points, rows)[0]
            return found

        start = value if at_x0 else found(0.0)
        rounds = np.array(asked)
        for part in (_PART, -_PART):
            rounds &= found(part) == start
            if not np.any(rounds):
                return rounds
        far = np.abs(found(_SOME) - start)
        rounds &= far > _REPEATABLE * precision * np.abs(value)
        if not np.any(rounds):
            return rounds
        rounds &= np.abs(found(1.0) - start) > far / _SOME / _PROPORTION
        for count in range(1, _NUMBERS + 1):
            if not np.any(rounds):
                return rounds
            there = found(0.0, count)
            rounds &= (found(_NEARLY_HALF, count) == there) & (found(-_NEARLY_HALF, count) == there)
        signs = point.random_signs(self.rng)
        return rounds & (found(_PART) == start)

    def _claim_noise_of(self, lines: Sequence[Lines], rows: Rows) -> Callable[[int], Floats]:
        """How much the claim of a row changes at neighbouring points, measured when asked for."""
        known: dict[int, Floats] = {}

        def measured(row: int) -> Floats:
            if row not in known:
                chosen = [row] if self.question.form == "vjp" else list(range(rows.count))
                found = self._claim_noise([lines[k] for k in chosen], rows.chosen(chosen))
                known.update(zip(chosen, found, strict=True))
            return known[row]

        return measured

    def _claim_noise(self, lines: Sequence[Lines], rows: Rows) -> Floats:
        """The noise of the claim along some lines; an exception there says nothing."""
        base = np.stack([each.claim for each in lines])
        noise = np.zeros_like(base)
        for k in range(_NEIGHBOURS + 1):
            noise = np.fmax(noise, np.abs(self._claimed_at(k, lines, rows) - base))
        rounding = self.claim.epsilon / 2 * np.abs(base)
        return np.where(np.isfinite(base), np.fmax(noise, rounding), 0.0)

    def _claimed_at(self, k: int, lines: Sequence[Lines], rows: Rows) -> Floats:
        """What the claim says along some lines at x0 again, or at a neighbour of it.

        NaN where it raises an exception.
        """
        point = self.point
        if k == 0:
            leaves = [point.backend.copy(leaf) for leaf in point.leaves]
        else:
            leaves = point.neighbour(point.random_signs(self.rng), 1)
            leaves = within(point, leaves, self.limits)
        try:
            slopes = self.claim.slopes(leaves, rows, passing=True)
            return np.stack(
                [each.claimed(slope) for each, slope in zip(lines, slopes, strict=True)]
            )
        except MemoryError:
            raise
        except Exception:
            return np.full((len(lines), lines[0].claim.size), np.nan)


@dataclass(frozen=True)
class _Unseen:
    """Why the noise of a row may not be seen next to x0: arrays of shape (rows,)."""

    regular: Floats  # what it changes by there, if that is so regular that it may hide noise; or 0
    still: npt.NDArray[np.bool_]  # whether nothing moves there


@dataclass(frozen=True)
class _AtX0:
    """What is known of every row at x0: arrays of shape (rows,), as `Task` and `Part` have them."""

    value: Floats
    noise: Floats
    nominal: Floats
    precision: Floats
    rtol: Floats

    def task(
        self,
        row: int,
        lines: Lines,
        claim_noise: Callable[[], Floats],
        single: bool,
        beside: float = 0.0,
    ) -> Task:
        """What is to be checked of a row along its lines; the last two are as in `Task`."""
        return Task(
            probes=lines.probes,
            claim=lines.claim,
            smooth=lines.smooth,
            vague=lines.vague,
            value=float(self.value[row]),
            noise=float(self.noise[row]),
            precision=float(self.precision[row]),
            rtol=float(self.rtol[row]),
            whole=lines.whole,
            single=single,
            beside=beside,
            claim_noise=claim_noise,
        )


@dataclass(frozen=True)
class _Look:
    """The lines of all rows: along the coordinate axes, or along tangents."""

    lines: list[Lines]
    axes: CoordinateSamples | None = None
    tangents: list[list[Array]] | None = None


@dataclass(frozen=True)
class _Exact:
    """Complex steps, and for each row lines along which differences are to agree with them."""

    steps: ComplexSteps
    lines: list[Lines]


@dataclass(frozen=True)
class _Plan:
    """What to look along: all axes, or random tangents, or both; or a given tangent."""

    axes: bool
    tangents: int = 0
    given: Any = None

    @classmethod
    def of(cls, direction: Any) -> _Plan:
        """That of "all", a number of random tangents, or a given one."""
        if isinstance(direction, str):
            return cls(axes=True)
        if isinstance(direction, int):
            return cls(axes=False, tangents=direction)
        return cls(axes=False, given=direction)


def _generator(rng: Any) -> np.random.Generator:
    if rng is None:
        return np.random.default_rng(_SEED)
    whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0
    if not whole and not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng is {quote(rng)}; pass an int of 0 or more, a numpy.random.Generator, or None"
        )
    return np.random.default_rng(rng)


def _argument_name(func: Callable[..., Any]) -> str:
    """What the user calls x0: the first parameter of `func`."""
    try:
        parameters = list(inspect.signature(func).parameters.values())
    except (TypeError, ValueError):
        return "x"
    named = parameters and parameters[0].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return parameters[0].name if named else "x"


def _steady(value: Floats, again: Floats, precision: Floats) -> npt.NDArray[np.bool_]:
    """Rows in which two calls at x0 differ by no more than parallel sums, which may round anew."""
    repeatable = np.fmax(4 * precision, np.fmin(_REPEATABLE * precision, _REPEATABLE_AT_MOST))
    steady: npt.NDArray[np.bool_] = np.abs(again - value) <= repeatable * np.abs(value)
    return steady


def _precision(point: Point) -> float:
    """The coarsest machine epsilon of x0, and not below that of the float64 we compute in."""
    return max(_DOUBLE, *(float(point.xp.finfo(leaf.dtype).eps) for leaf in point.leaves))


def _tolerance(rtol: Any, coarsest: float) -> float:
    if rtol is None:
        return next((default for epsilon, default in _RTOL if coarsest <= epsilon), _RTOL[-1][1])
    if not isinstance(rtol, (int, float, np.number)) or not 0 < rtol < 1:
        raise ValueError(f"rtol is {quote(rtol)}; pass a number between 0 and 1, or None")
    return float(rtol)


def _direction(direction: Any, point: Point, of_output: bool) -> Any:
    """`direction` as "auto", "all", a number of random tangents, or a tangent of the user's."""
    if isinstance(direction, str):
        if direction == "random":
            return 1
        if direction not in ("auto", "all"):
            raise _meaningless(direction)
        return direction
    scalar = point.structure is None and point.leaves[0].shape == ()
    number = isinstance(direction, (float, np.floating))  # a tangent of a number
    if direction is None or isinstance(direction, bool) or (number and not scalar | of_output):
        raise _meaningless(direction)
    if isinstance(direction, (int, np.integer)):
        if direction < 1:
            raise ValueError(f"direction is {direction}; at least one tangent is needed")
        return int(direction)
    return direction


def _meaningless(direction: Any) -> ValueError:
    return ValueError(
        f"direction is {direction!r}; pass 'auto', 'all', 'random', a number of random tangents, "
        "or a tangent shaped like x0"
    )
