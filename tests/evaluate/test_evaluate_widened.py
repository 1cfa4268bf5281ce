"""The user's functions around a point of float32, evaluated in float64."""

from dataclasses import dataclass, field

import numpy as np

from checkgrad.arrays.point import make_point
from checkgrad.backends import Observation, WideFunction, Widening
from checkgrad.backends.widening import PassedFloat64
from checkgrad.evaluate.options import DEFAULT_EVALUATION, Evaluation
from checkgrad.evaluate.wide_evaluator import WideEvaluator
from checkgrad.evaluate.widened import Wide, WideUserFunction, wide_claim_function
from checkgrad.evaluate.workers import Workers

MADE_BYTES = 48  # of float32
SEEN = Observation(2.0**-10, made_bytes=MADE_BYTES)


@dataclass
class RecordedFunction(WideFunction):
    """Calls the function, and notes how."""

    function: object
    calls: list = field(default_factory=list)

    def __call__(self, *args):
        self.calls.append("call")
        return self.function(*args)

    def observed(self, *args):
        self.calls.append("observed")
        return self.function(*args), SEEN

    def largest(self, *args):
        return 7.0

    def perturbed(self, seed, *args):
        return self.function(*args) + seed


@dataclass
class Recorded(Widening):
    """Notes the functions that are widened, and the dtypes of their arguments."""

    sees_inside = True
    made: list = field(default_factory=list)
    natives: list = field(default_factory=list)

    def widened(self, function, natives):
        self.made.append(RecordedFunction(function))
        self.natives.append([list(each) for each in natives])
        return self.made[-1]


def in_float64(x0):
    native = make_point(x0, allow_complex=True)
    widening = Recorded()
    return widening, Wide(widening, native), native.widened()


def test_the_first_call_as_the_user_would_notes_what_is_met_inside():
    widening, wide, point = in_float64(np.ones(3, np.float32))
    function = WideUserFunction(lambda x, f: f * np.sum(x), (2.0,), wide, [wide.natives()])
    assert function.observation is None
    assert function.with_user_errstate(point.copy()) == 6.0
    assert function.observation == SEEN
    assert function.with_user_errstate(point.copy()) == 6.0
    assert function.once(point.copy()) == 6.0
    assert widening.made[0].calls == ["observed", "call", "call"]
    assert function.n_calls == 3
    assert widening.natives == [[[np.dtype("float32")]]]


def test_what_the_evaluation_at_x0_has_shown_needs_no_other_one():
    _, wide, point = in_float64(np.ones(3, np.float32))
    seen = WideUserFunction(np.sum, (), wide, [wide.natives()])
    mapped = WideUserFunction(np.sum, (), wide, [wide.natives()], observed=seen)
    assert mapped.seen_footprint == seen.seen_footprint == 0
    seen.with_user_errstate(point.copy())
    assert mapped.observation == seen.observation
    assert mapped.seen_footprint == seen.seen_footprint == 2 * MADE_BYTES


def test_complex_leaves_and_vectors_have_the_dtypes_of_the_user():
    x0 = {"a": np.ones(1, np.float32), "b": np.ones(1, np.complex64), "c": np.ones(1)}
    widening, wide, _ = in_float64(x0)
    wide_claim_function(np.sum, (), wide, [np.dtype("float16")])
    natives = [["float32", "complex64", "float64"], ["float16"]]
    assert [[str(d) for d in each] for each in widening.natives[0]] == natives


def test_rounding_errors_come_from_a_seed():
    _, wide, point = in_float64(np.ones(3, np.float32))
    function = wide_claim_function(np.sum, (), wide)
    assert function.perturbed(4).with_user_errstate(point.copy()) == 7.0


def test_an_evaluator_reads_values_outside_of_the_widened_function():
    widening, wide, point = in_float64(np.asarray([1.0, 3.0], np.float32))
    evaluator = WideEvaluator(lambda x: np.sum(x / 3), point, (), DEFAULT_EVALUATION, None, wide)
    assert evaluator.value_at_x0() == 4 / 3
    assert evaluator.observation == SEEN
    assert evaluator.coarsest_epsilon() == 2.0**-10
    assert evaluator.largest_at(point.copy()) == 7.0
    assert evaluator.value_epsilon == 2.0**-52
    assert widening.natives[0] == [[np.dtype("float32")]]
    before = evaluator.n_func
    assert evaluator.perturbed_values(iter([point.copy()] * 2), 3).tolist() == [4 / 3 + 3] * 2
    assert evaluator.n_func == before + 2


class Doubled(PassedFloat64):
    """Needs something around each call, as a library may that widens constants in a context."""

    def called(self, function):
        return lambda x: 2 * function(x)


def test_workers_call_what_this_process_calls():
    native = make_point(np.asarray([1.0, 3.0], np.float32))
    point, wide = native.widened(), Wide(Doubled(lambda dtype: 2.0**-24), native)
    rounds = []

    def engine(function, points):
        rounds.append(len(points))
        return map(function, points)

    workers = Evaluation(workers=Workers(engine))
    for evaluation in (DEFAULT_EVALUATION, workers):
        evaluator = WideEvaluator(np.sum, point, (), evaluation, None, wide)
        assert evaluator.value_at_x0() == 8
        assert evaluator.host_values(iter([point.copy()] * 3)).tolist() == [8] * 3
    assert rounds == [3]


def test_workers_are_not_used_where_only_this_process_can_widen():
    _, wide, point = in_float64(np.ones(3, np.float32))
    evaluator = WideEvaluator(np.sum, point, (), Evaluation(workers=Workers(map)), None, wide)
    assert evaluator.rounds is None


def test_a_wide_point_holds_the_same_numbers_and_other_memory(xp, dtype):
    x0 = {"a": xp.asarray([0.1, -2.5], dtype), "b": xp.asarray(3.0, dtype)}
    native = make_point(x0)
    if native.backend.lacks_float64(native.leaves[0]):
        return
    with native.backend.with_float64():
        wide = native.widened()
        assert [str(leaf.dtype).rpartition(".")[2] for leaf in wide.leaves] == ["float64"] * 2
        assert wide.on_host(wide.leaves).tolist() == native.on_host(native.leaves).tolist()
        narrowed = native.narrowed(wide.leaves)
        passed = [(a.dtype, xp.to_numpy(a).tolist()) for a in native.leaves]
        assert [(a.dtype, xp.to_numpy(a).tolist()) for a in narrowed] == passed
        assert type(wide.copy_for_claim()) is dict


def test_nothing_is_noted_inside_of_a_claim():
    widening, wide, point = in_float64(np.ones(3, np.float32))
    function = wide_claim_function(np.sum, (), wide)
    assert function.with_user_errstate(point.copy()) == 3.0
    assert widening.made[0].calls == ["call"]
    assert function.observation is None
