"""Golden cases of Jacobians, jvps and vjps, of trees and of complex numbers, in every library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from breakages import like
from cases import Call, Case

NAMESPACES = {"numpy": "numpy", "jax": "jax.numpy", "torch": "torch"}
DOORS = {"jac": "verify_jac", "jvp": "verify_jvp", "vjp": "verify_vjp"}
X0 = [0.7, -1.3, 2.1]
COMPLEX = [0.6 + 0.8j, -1.2 + 0.3j, 0.4 - 0.5j]


def mixed(xp: Any, x: Any) -> Any:
    """Return three outputs of three inputs."""
    return xp.stack([x[0] * x[1], xp.sin(x[1]) + x[2] ** 2, xp.exp(x[0] - x[2])])


def matrix(xp: Any, x: Any) -> Any:
    """Return the Jacobian of `mixed`."""
    zero, e = 0 * x[0], xp.exp(x[0] - x[2])
    rows = [[x[1], x[0], zero], [zero, xp.cos(x[1]), 2 * x[2]], [e, zero, -e]]
    return xp.stack([xp.stack(row) for row in rows])


def weighted(weights: Any) -> Callable[[Any, Any], Any]:
    """Return the Jacobian with every entry times its weight."""
    return lambda xp, x: matrix(xp, x) * like(matrix(xp, x), weights)


JACOBIANS: dict[str, Callable[[Any, Any], Any]] = {
    "right": matrix,
    "transposed": lambda xp, x: matrix(xp, x).T,
    "negated": lambda xp, x: -matrix(xp, x),
    "double": lambda xp, x: 2 * matrix(xp, x),
    "zeroed": weighted([[1, 1, 1], [1, 1, 0], [1, 1, 1]]),
    "percent": weighted([[1, 1.01, 1], [1, 1, 1], [1, 1, 1]]),
    "rows_swapped": lambda xp, x: matrix(xp, x)[[1, 0, 2]],
    "constant": lambda xp, x: matrix(xp, x) + 0.25,
}
NOT_LINEAR: dict[str, dict[str, Callable[[Any, Any, Any], Any]]] = {
    "jvp": {
        "absolute": lambda xp, x, t: matrix(xp, x) @ xp.abs(t),
        "squared": lambda xp, x, t: matrix(xp, x) @ (t * t),
        "affine": lambda xp, x, t: matrix(xp, x) @ t + 1,
        "finite": lambda xp, x, t: mixed(xp, x + t) - mixed(xp, x),
        "swapped": lambda xp, x, t: matrix(xp, t) @ x,
        "shape": lambda xp, x, t: xp.sum(t),
    },
    "vjp": {
        "absolute": lambda xp, x, c: xp.abs(c) @ matrix(xp, x),
        "squared": lambda xp, x, c: (c * c) @ matrix(xp, x),
        "ignored": lambda xp, x, c: (0 * c + 1) @ matrix(xp, x),
        "the_jvp": lambda xp, x, c: matrix(xp, x) @ c,
        "affine": lambda xp, x, c: c @ matrix(xp, x) + 1,
        "nothing": lambda xp, x, c: 0 * c,
    },
}
# Of each library: forms, claims and dtypes are sampled, not multiplied out.
SAMPLES = {
    "numpy": (tuple(JACOBIANS), ("random", 2), 6),
    "jax": (("right", "zeroed"), (2,), 1),  # of which only those in `ON_JAX`
    "torch": (("right", "zeroed", "transposed"), ("random",), 3),
}
# Each of these takes JAX half a second, most of it to compile.
ON_JAX = (
    "jac-mixed-right jac-mixed-zeroed jac-mixed-float32-right jvp-mixed-right jvp-mixed-2-negated "
    "vjp-mixed-right vjp-mixed-zeroed vjp-not_linear-absolute grad-tree-right grad-tree-wrong "
    "grad-tree-missing grad-scalar-right jvp-tree_output-right jvp-tree_output-wrong "
    "vjp-tree_output-right grad-complex-right grad-complex-conjugated jvp-holomorphic-right"
).split()


def claim_of(form: str, xp: Any, jacobian: Any) -> Callable[..., Any]:
    """Return a claim of one of the three forms, made from a Jacobian."""
    if form == "jac":
        return lambda x: jacobian(xp, x)
    if form == "jvp":
        return lambda x, tangent: jacobian(xp, x) @ tangent
    return lambda x, cotangent: cotangent @ jacobian(xp, x)


def cases(library: str) -> Iterator[Case]:
    """Yield the cases of a library."""
    for each in _cases(library):
        if library != "jax" or each.name.removeprefix("jax-") in ON_JAX:
            yield each


def _cases(library: str) -> Iterator[Case]:
    xp = import_module(NAMESPACES[library])
    kinds, tangents, products = SAMPLES[library]

    def of(name: str, form: str, func: Any, claim: Any, x0: Any, **options: Any) -> Case:
        door = DOORS.get(form, "verify_grad")

        def make() -> Call:
            return Call(door, (func, claim, x0()), options)

        return Case(f"{library}-{form}-{name}", make)

    def made(values: Any, dtype: str = "float64") -> Callable[[], Any]:
        return lambda: xp.asarray(values, dtype=getattr(xp, dtype))

    func = lambda x: mixed(xp, x)  # noqa: E731
    for form in DOORS:
        for kind in kinds:
            claim = claim_of(form, xp, JACOBIANS[kind])
            yield of(f"mixed-{kind}", form, func, claim, made(X0))
        for direction in tangents:
            for kind in ("right", "negated"):
                claim, name = claim_of(form, xp, JACOBIANS[kind]), f"mixed-{direction}-{kind}"
                yield of(name, form, func, claim, made(X0), direction=direction)
        narrow = claim_of(form, xp, matrix)
        yield of("mixed-float32-right", form, func, narrow, made(X0, "float32"))
        wrong = claim_of(form, xp, JACOBIANS["percent"])
        yield of("mixed-float32-percent", form, func, wrong, made(X0, "float32"))
    for form, claims in NOT_LINEAR.items():
        for name, product in list(claims.items())[:products]:
            claim = lambda x, v, product=product: product(xp, x, v)  # noqa: E731
            yield of(f"not_linear-{name}", form, func, claim, made(X0))
    yield from _structured(xp, of, made)
    yield from _complex(xp, of, made)


def _structured(xp: Any, of: Any, made: Any) -> Iterator[Case]:
    """Yield cases of trees, of numbers without dimension and of matrices."""

    def tree() -> Any:
        return {"a": made([0.3, 1.2])(), "b": [made(2.0)()]}

    def value(p: Any) -> Any:
        return xp.sum(p["a"] ** 3) * p["b"][0]

    def slopes(p: Any, factor: float = 1.0) -> Any:
        return {"a": 3 * p["a"] ** 2 * p["b"][0], "b": [factor * xp.sum(p["a"] ** 3)]}

    yield of("tree-right", "grad", value, slopes, tree)
    yield of("tree-wrong", "grad", value, lambda p: slopes(p, 1.01), tree)
    yield of("tree-random-wrong", "grad", value, lambda p: slopes(p, -1), tree, direction=2)
    yield of("tree-missing", "grad", value, lambda p: {"a": slopes(p)["a"]}, tree)
    point = made(0.8)
    yield of("scalar-right", "grad", xp.exp, xp.exp, point)
    yield of("scalar-wrong", "grad", xp.exp, lambda x: xp.exp(x) + 1e-3, point)
    yield of(
        "scalar-right",
        "jac",
        lambda x: xp.stack([x, x**2]),
        lambda x: xp.stack([0 * x + 1, 2 * x]),
        point,
    )

    def outputs(x: Any) -> Any:
        return {"cubes": x**3, "sums": [xp.sum(x), xp.sum(x**2)]}

    def pushed(x: Any, t: Any, factor: float = 1.0) -> Any:
        return {"cubes": factor * 3 * x**2 * t, "sums": [xp.sum(t), xp.sum(2 * x * t)]}

    def pulled(x: Any, c: Any, factor: float = 1.0) -> Any:
        return c["cubes"] * 3 * x**2 + c["sums"][0] + factor * c["sums"][1] * 2 * x

    yield of("tree_output-right", "jvp", outputs, pushed, made(X0))
    yield of("tree_output-wrong", "jvp", outputs, lambda x, t: pushed(x, t, 2.0), made(X0))
    yield of("tree_output-right", "vjp", outputs, pulled, made(X0))
    yield of("tree_output-wrong", "vjp", outputs, lambda x, c: pulled(x, c, 0.5), made(X0))
    square = made([[0.3, -1.1], [0.8, 0.5]])
    yield of("matmul-right", "vjp", lambda x: x @ x, lambda x, c: c @ x.T + x.T @ c, square)
    yield of("matmul-wrong", "vjp", lambda x: x @ x, lambda x, c: c @ x + x @ c, square)
    yield of("matmul-right", "jvp", lambda x: x @ x, lambda x, t: t @ x + x @ t, square)


def _complex(xp: Any, of: Any, made: Any) -> Iterator[Case]:
    """Yield cases of a complex x0."""
    z0 = made(COMPLEX, "complex128")
    convention = "torch" if xp.__name__ == "torch" else "jax"

    def value(z: Any) -> Any:
        return xp.sum(xp.real(z) ** 2 * xp.imag(z)) + xp.sum(xp.real(z))

    def ascent(z: Any) -> Any:
        return 2 * xp.real(z) * xp.imag(z) + 1 + 1j * xp.real(z) ** 2

    def own(z: Any) -> Any:
        return ascent(z) if convention == "torch" else xp.conj(ascent(z))

    yield of("complex-right", "grad", value, own, z0)
    yield of("complex-conjugated", "grad", value, lambda z: xp.conj(own(z)), z0)
    yield of("complex-percent", "grad", value, lambda z: 1.01 * own(z), z0)
    yield of("complex-torch", "grad", value, ascent, z0, convention="torch")
    yield of("complex-random", "grad", value, own, z0, direction=2)

    def pushed(z: Any, t: Any) -> Any:
        return xp.stack([2 * z[0] * z[1] * t[0] + z[0] ** 2 * t[1], xp.exp(z[2]) * t[2]])

    holomorphic = lambda z: xp.stack([z[0] ** 2 * z[1], xp.exp(z[2])])  # noqa: E731
    yield of("holomorphic-right", "jvp", holomorphic, pushed, z0)
    conjugated = lambda z, t: xp.conj(pushed(z, t))  # noqa: E731
    yield of("holomorphic-conjugated", "jvp", holomorphic, conjugated, z0)
    yield of("complex_func", "grad", lambda z: xp.sum(z**2), lambda z: 2 * z, z0)
