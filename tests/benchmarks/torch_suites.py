"""Beside PyTorch's gradcheck: which spoiled gradients are found, and what a check costs.

Run ``python tests/benchmarks/torch_suites.py spoiled``, or ``operators`` with how many operators to
draw and the modes, e.g. ``operators 100 gradcheck fast``. The operators are those of PyTorch's own
database, which needs the package expecttest. CPU time counts.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch_functions
from torch.autograd.gradcheck import gradcheck as torch_gradcheck
from torch.autograd.gradcheck import gradgradcheck as torch_gradgradcheck
from torch.utils import _pytree as pytree

from checkgrad.torch import gradcheck, gradgradcheck

_LARGEST = 250  # entries of the inputs of a draw: PyTorch's slow mode takes all of them in turn
# Errors of PyTorch 2.13 that its own check does not find: a forward mode that adds 1e-13 to a
# denominator, so that derivatives by logits far below the largest are off (by mpmath).
_FOUND = {("gradgradcheck", "logcumsumexp")}
_CHECKS = {
    "gradcheck": (gradcheck, torch_gradcheck),
    "gradgradcheck": (gradgradcheck, torch_gradgradcheck),
}


def outcome(check: Callable[..., Any], *args: Any, **options: Any) -> tuple[str, float]:
    """Return what a check says, and the CPU time that it takes."""
    start = time.process_time()
    try:
        check(*args, **options)
        said = "passes"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    return said, time.process_time() - start


def print_spoiled() -> None:
    """Print how many spoiled gradients are found, by whom."""
    found: Counter[tuple[str, str]] = Counter()
    contestants = {
        f"{who}, {mode}": (check, mode == "fast")
        for who, check in (("checkgrad", gradcheck), ("gradcheck", torch_gradcheck))
        for mode in ("full", "fast")
    }
    for name, (func, _) in torch_functions.FUNCTIONS.items():
        inputs = torch_functions.inputs_of(name)
        for kind, spoil in torch_functions.SPOILERS.items():
            wrong = torch_functions.spoiled(func, spoil)
            for who, (check, fast) in contestants.items():
                torch.manual_seed(0)
                found[kind, who] += outcome(check, wrong, inputs, fast_mode=fast)[0] != "passes"
    print("|".join(["spoiled", *contestants]))
    for kind in torch_functions.SPOILERS:
        count = len(torch_functions.FUNCTIONS)
        print("|".join([kind, *(f"{found[kind, who]} of {count}" for who in contestants)]))


def draws(
    count: int, second: bool
) -> Iterator[tuple[str, Callable[..., Any], Any, dict[str, Any]]]:
    """Yield operators with inputs, and the options that PyTorch's own tests pass."""
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.common_utils import freeze_rng_state

    operators = [
        each
        for each in op_db
        if torch.float64 in each.supported_dtypes("cpu")
        and (each.supports_gradgrad if second else each.supports_autograd)
    ]
    random.Random(0).shuffle(operators)
    for operator in operators[:count]:
        torch.manual_seed(0)
        samples = list(operator.sample_inputs("cpu", torch.float64, requires_grad=True))
        random.Random(0).shuffle(samples)
        for sample in samples:
            leaves, spec = pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
            places = [k for k, x in enumerate(leaves) if torch.is_tensor(x) and x.requires_grad]
            inputs = tuple(leaves[k] for k in places)
            if not inputs or sum(x.numel() for x in inputs) > _LARGEST:
                continue

            def func(
                *given: Any,
                operator: Any = operator,
                sample: Any = sample,
                leaves: Any = leaves,
                spec: Any = spec,
                places: Any = places,
            ) -> Any:
                filled = list(leaves)
                for place, each in zip(places, given, strict=True):
                    filled[place] = each
                first, args, kwargs = pytree.tree_unflatten(filled, spec)
                with freeze_rng_state():
                    value = operator.gradcheck_wrapper(operator.get_op(), first, *args, **kwargs)
                value = sample.output_process_fn_grad(value)
                if torch.is_tensor(value):
                    return value
                return tuple(x for x in pytree.tree_leaves(value) if torch.is_tensor(x))

            options: dict[str, Any] = {"nondet_tol": operator.gradcheck_nondet_tol}
            if second:
                options["check_fwd_over_rev"] = operator.supports_fwgrad_bwgrad
                options["check_batched_grad"] = operator.check_batched_gradgrad
            else:
                forward = operator.supports_forward_ad
                options["check_forward_ad"] = forward
                options["check_batched_grad"] = operator.check_batched_grad
                options["check_batched_forward_grad"] = (
                    forward and operator.check_batched_forward_grad
                )
            yield operator.name, func, inputs, options
            break


def print_operators(count: int, kind: str, fast: bool) -> None:
    """Print where the two checkers differ on operators, and the median ratio of their times."""
    ours, theirs = _CHECKS[kind]
    counts: Counter[str] = Counter()
    ratios = []
    for name, func, inputs, options in draws(count, kind == "gradgradcheck"):
        outcome(ours, func, inputs, fast_mode=fast, **options)  # what is imported once
        said, seconds = outcome(theirs, func, inputs, fast_mode=fast, **options)
        our_word, our_seconds = outcome(ours, func, inputs, fast_mode=fast, **options)
        passes = (our_word == "passes", said == "passes")
        if (kind, name) in _FOUND and passes == (False, True):
            counts["error of PyTorch found"] += 1
            continue
        counts["agree" if passes[0] == passes[1] else "differ"] += 1
        if all(passes):
            ratios.append(our_seconds / seconds)
        elif passes[0] != passes[1]:
            print(f"{name}: gradcheck {said[:200]!r}, checkgrad {our_word[:500]!r}")
    slowest = statistics.quantiles(ratios, n=10)[-1]
    print(
        f"{kind}, {'fast' if fast else 'slow'} mode: {dict(counts)}; time beside PyTorch's: ",
        end="",
    )
    print(f"{statistics.median(ratios):.2f} (median), {slowest:.2f} (slowest tenth)")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    what, *rest = sys.argv[1:] or ["spoiled"]
    if what == "spoiled":
        print_spoiled()
    else:
        print_operators(int(rest[0]), rest[1], "fast" in rest)
