"""What a check along ten random tangents sees of errors in a transformer, and how sure it is.

    python tests/benchmarks/detection.py claims jax numpy --seeds 20 --small
    python tests/benchmarks/detection.py bound jax numpy torch --draws 200

``claims`` checks a right claim and five wrong ones, once for each seed of the tangents, and prints
the verdicts, how often the wrong leaf was named, and the evaluations of func. ``bound`` checks
a claim of which every entry is off by the same part of itself, up or down by chance, so that the
relative error is known in every norm, along other tangents in every draw. It prints how often
`report.error_bound` held.

func is the mean cross-entropy of the next of 32 tokens, after causal attention. Its parameters are
35 arrays of float32. The gradient comes from JAX, for NumPy too.
"""

from __future__ import annotations

import argparse
import os

if __name__ == "__main__":  # before any array library is imported
    os.environ.update({"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"})

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from checkgrad import Report, verify_grad

LARGE, SMALL = (2000, 128), (300, 40)  # words and width: 1.1 million parameters, and 97 thousand
LAYERS, HEADS, TOKENS = 4, 4, 32
BIAS, PART, ZEROED = "layer1.bias1", "layer2.weight2", "layer3.value"
ERROR = 3e-4  # relative, of the claims whose bound is looked at: below rtol
Tree = dict[str, Any]


def parameters(words: int, width: int, rng: np.random.Generator) -> Tree:
    """Return 35 arrays of float32."""
    shapes: dict[str, tuple[int, ...]] = {"embedding": (words, width), "place": (TOKENS, width)}
    for layer in range(LAYERS):
        for name in ("query", "key", "value", "output"):
            shapes[f"layer{layer}.{name}"] = width, width
        shapes |= {f"layer{layer}.weight1": (width, 4 * width), f"layer{layer}.bias1": (4 * width,)}
        shapes |= {f"layer{layer}.weight2": (4 * width, width), f"layer{layer}.bias2": (width,)}
    shapes["scale"] = (width,)
    return {
        name: (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        for name, shape in shapes.items()
    }


def loss_of(tokens: Any, wanted: Any, mask: Any) -> Callable[[Tree], Any]:
    """Return the loss as a function of the parameters, in the library of the parameters."""

    def loss(p: Tree) -> Any:
        xp = array_namespace(p["scale"])

        def normalised(x: Any) -> Any:
            x = x - xp.mean(x, axis=-1, keepdims=True)
            return x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + 1e-5)

        def log_softmax(x: Any) -> Any:
            x = x - xp.max(x, axis=-1, keepdims=True)
            return x - xp.log(xp.sum(xp.exp(x), axis=-1, keepdims=True))

        x = p["embedding"][tokens] + p["place"]
        width = x.shape[-1]
        split = (TOKENS, HEADS, width // HEADS)
        for layer in range(LAYERS):
            own = {name: p[f"layer{layer}.{name}"] for name in ("query", "key", "value", "output")}
            y = normalised(x)
            query, key, value = (
                xp.permute_dims(xp.reshape(y @ own[name], split), (1, 0, 2))
                for name in ("query", "key", "value")
            )
            scores = query @ xp.permute_dims(key, (0, 2, 1)) / np.sqrt(split[-1]).item() + mask
            mixed = xp.permute_dims(xp.exp(log_softmax(scores)) @ value, (1, 0, 2))
            x = x + xp.reshape(mixed, (TOKENS, width)) @ own["output"]
            y = normalised(x) @ p[f"layer{layer}.weight1"] + p[f"layer{layer}.bias1"]
            y = y / (1 + xp.exp(-1.702 * y))
            x = x + y @ p[f"layer{layer}.weight2"] + p[f"layer{layer}.bias2"]
        logits = (normalised(x) * p["scale"]) @ xp.permute_dims(p["embedding"], (1, 0))
        return -xp.sum(log_softmax(logits) * wanted) / TOKENS

    return loss


def case(library: str, words: int, width: int) -> tuple[Any, Any, Tree]:
    """Return func, its gradient and x0."""
    rng = np.random.default_rng(0)
    x0 = parameters(words, width, rng)
    tokens = rng.integers(words, size=TOKENS + 1)
    wanted = np.eye(words, dtype=np.float32)[tokens[1:]]
    mask = np.triu(np.full((TOKENS, TOKENS), -30.0, np.float32), 1)
    data = tokens[:-1], wanted, mask
    if library == "torch":
        import torch

        func = loss_of(*map(torch.asarray, data))

        def torch_grad(x: Tree) -> Tree:
            x = {name: leaf.detach().requires_grad_() for name, leaf in x.items()}
            return dict(zip(x, torch.autograd.grad(func(x), list(x.values())), strict=True))

        return func, torch_grad, {name: torch.asarray(leaf) for name, leaf in x0.items()}
    import jax

    func = jax.jit(loss_of(*map(jax.numpy.asarray, data)))
    grad = jax.jit(jax.grad(func))
    if library == "jax":
        return func, grad, {name: jax.numpy.asarray(leaf) for name, leaf in x0.items()}

    def numpy_grad(x: Tree) -> Tree:
        return {name: np.asarray(leaf) for name, leaf in grad(x).items()}

    return loss_of(*data), numpy_grad, x0


def compiled(library: str, function: Any) -> Any:
    """Return a function, compiled where the library compiles: once for all checks."""
    if library != "jax":
        return function
    import jax

    return jax.jit(function)


def changed(grad: Any, names: set[str], factor: float) -> Any:
    """Return a gradient whose leaves `names`, or all of them if there are none, have a factor."""

    def claim(x: Tree) -> Tree:
        found = dict(grad(x))
        for name in names or set(found):
            found[name] = found[name] * factor
        return found

    return claim


def claims_of(grad: Any) -> dict[str, tuple[Any, set[str]]]:
    """Return the claims, and the leaves that are wrong; none where that is no single one."""
    return {
        "right": (grad, set()),
        "all times 1.01": (changed(grad, set(), 1.01), set()),
        f"{PART} times 1.01": (changed(grad, {PART}, 1.01), {PART}),
        f"the sign of {BIAS}": (changed(grad, {BIAS}, -1.0), {BIAS}),
        "embeddings times 1.1": (changed(grad, {"embedding"}, 1.1), {"embedding"}),
        f"zeros for {ZEROED}": (changed(grad, {ZEROED}, 0.0), {ZEROED}),
    }


def names_leaf(report: Report, leaf: str, x0: Tree) -> bool:
    """Return whether the text of a report names a leaf, and no other one."""
    return [name for name in x0 if f"['{name}']" in str(report)] == [leaf]


def main_claims(library: str, seeds: int, is_small: bool) -> None:
    func, grad, x0 = case(library, *(SMALL if is_small else LARGE))
    norms = {name: float((np.asarray(leaf) ** 2).sum()) for name, leaf in grad(x0).items()}
    part = np.sqrt(norms[PART] / sum(norms.values()))
    count = sum(np.asarray(leaf).size for leaf in x0.values())
    print(f"{library}: {count} parameters in {len(x0)} leaves; {PART} has {part:.3f} of the norm")
    for text, (made, leaves) in claims_of(grad).items():
        claim = compiled(library, made)
        verdicts: Counter[str] = Counter()
        evaluations, named, start = [], 0, time.perf_counter()
        for seed in range(seeds):
            report = verify_grad(func, claim, x0, rng=seed)
            verdicts[report.verdict.value] += 1
            evaluations.append(report.n_func)
            named += any(names_leaf(report, leaf, x0) for leaf in leaves)
        middle = np.percentile(evaluations, [0, 50, 100]).astype(int).tolist()
        seconds = time.perf_counter() - start
        cells = library, text, dict(verdicts), named if leaves else "-", middle, f"{seconds:.0f} s"
        print("|", " | ".join(map(str, cells)), "|", flush=True)


def main_bound(library: str, draws: int) -> None:
    func, grad, x0 = case(library, *SMALL)
    rng, xp = np.random.default_rng(0), array_namespace(x0["scale"])
    factors = {
        name: xp.asarray(1 + ERROR * rng.choice([-1.0, 1.0], size=tuple(leaf.shape)))
        for name, leaf in x0.items()
    }

    def claim(x: Tree) -> Tree:
        return {name: leaf * xp.astype(factors[name], leaf.dtype) for name, leaf in grad(x).items()}

    claim = compiled(library, claim)
    held, verdicts, bounds = 0, Counter[str](), []
    for draw in range(draws):
        report = verify_grad(func, claim, x0, direction=10, rng=draw, locate="off")
        verdicts[report.verdict.value] += 1
        assert report.error_bound is not None
        bounds.append(report.error_bound)
        held += report.error_bound >= ERROR
    middle = float(np.median(bounds)) / ERROR
    cells = library, f"{held} of {draws}", f"{middle:.2f} times the error", dict(verdicts)
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["claims", "bound"])
    parser.add_argument("libraries", nargs="+", choices=["numpy", "jax", "torch"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--small", action="store_true", help="claims about the small transformer")
    given = parser.parse_args()
    for library in given.libraries:
        if given.what == "claims":
            main_claims(library, given.seeds, given.small)
        else:
            main_bound(library, given.draws)


if __name__ == "__main__":
    main()
