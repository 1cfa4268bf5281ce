"""Checks of arrays that lie over eight devices, in a process of their own; see `main`.

JAX makes its devices once for each process.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

N_DEVICES = 8
SIZES = 10_000, 400_000, 2_000_000
AXES = "Auto", "Explicit"
IS_FULL = os.environ.get("CHECKGRAD_FULL") == "1"
TIMEOUT = 300.0  # seconds, after which the processes are taken for dead


def axes_of(scenario: str) -> tuple[str, ...]:
    """Return the kinds of axes in which a scenario runs: one of them in a plain run."""
    explicit = scenario in ("tree", "float32", "processes")
    return AXES if IS_FULL else ("Explicit" if explicit else "Auto",)


def axes_of_size(size: int) -> tuple[str, ...]:
    """Return the kinds of axes over which an array of this size lies, likewise in turn."""
    return AXES if IS_FULL else (AXES[SIZES.index(size) % 2],)


def all_scenarios() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run all scenarios at once; return what those on eight devices return, and two processes."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = str(taken.getsockname()[1])
    running = [
        started(N_DEVICES, "memory", "float32"),
        started(N_DEVICES, "wrong", "kinds", "tree", "beside"),
        *(started(2, "processes", rank, port) for rank in ("0", "1")),
    ]
    try:
        said = [process.communicate(timeout=TIMEOUT)[0] for process in running]
    except BaseException:
        for process in running:
            process.kill()
            process.communicate()
        raise
    for text, process in zip(said, running, strict=True):
        assert process.returncode == 0, text
    found = [json.loads(text.splitlines()[-1]) for text in said]
    return found[0] | found[1], found[2:]


def directions_of(axes: str) -> tuple[Any, ...]:
    """Return the directions along which functions of all kinds are checked, likewise."""
    return ("all", 3) if IS_FULL else ("all",) if axes == "Auto" else (3,)


def started(devices: int, *arguments: str) -> subprocess.Popen[str]:
    """Start a process with so many devices on its CPU."""
    flag = f"--xla_force_host_platform_device_count={devices}"
    setting = {"XLA_FLAGS": flag, "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, __file__, *arguments],
        env=os.environ | setting | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parent,
    )


# --- what runs in the other process ---------------------------------------------------------------


def live_bytes() -> int:
    """Return the bytes of all arrays on the device that has the most."""
    import jax

    held: dict[int, dict[int, int]] = {}
    for array in jax.live_arrays():
        for shard in array.addressable_shards:
            place = shard.data.unsafe_buffer_pointer()
            held.setdefault(shard.device.id, {})[place] = shard.data.nbytes
    return max((sum(device.values()) for device in held.values()), default=0)


class Watched:
    """A function that asserts where its argument lies, and sees how much memory is taken."""

    def __init__(self, function: Any, sharding: Any) -> None:
        self.function = function
        self.sharding = sharding
        self.most = 0
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        import jax

        if isinstance(x, jax.core.Tracer):  # of a func in float64; its arguments are checked below
            return self.function(x)
        assert x.sharding == self.sharding, x.sharding
        self.calls += 1
        self.most = max(self.most, live_bytes())
        return self.function(x)


def sharded(size: int, axes: str, dtype: str = "float64", shape: tuple[int, ...] = ()) -> Any:
    import jax
    import numpy as np
    from jax.sharding import AxisType, NamedSharding, PartitionSpec

    mesh = jax.make_mesh((N_DEVICES,), ("part",), (AxisType[axes],))
    numbers = np.linspace(0.1, 2, size, dtype=dtype).reshape(shape or (size,))
    return jax.device_put(numbers, NamedSharding(mesh, PartitionSpec("part")))


def sine(x0: Any, factor: float = 1.0) -> tuple[Watched, Watched]:
    """Return a func and its gradient times a factor; both are compiled for the sharding of x0."""
    import jax
    import jax.numpy as jnp

    func = jax.jit(lambda x: jnp.sum(jnp.sin(x)), in_shardings=x0.sharding)
    grad = jax.jit(lambda x: jnp.cos(x) * factor, in_shardings=x0.sharding)
    return Watched(func, x0.sharding), Watched(grad, x0.sharding)


def memory() -> dict[str, Any]:
    """The most memory that is taken on a device, in shards of x0, as func and claim see it."""
    from checkgrad import verify_grad

    found = {}
    for size in SIZES:
        for axes in axes_of_size(size):
            gc.collect()
            before = live_bytes()
            x0 = sharded(size, axes)
            func, grad = sine(x0)
            tangents = {} if size < max(SIZES) else {"direction": 2}  # ten take seconds
            report = verify_grad(func, grad, x0, **tangents)
            most = max(func.most, grad.most, live_bytes()) - before
            found[f"{size} {axes}"] = {
                "verdict": report.verdict.value,
                "shards": most / (x0.nbytes / N_DEVICES),
                "calls": func.calls,
            }
            del x0
    return found


def float32() -> dict[str, Any]:
    """The same in float64, of a func of float32 numbers; the trace tells where its points lie."""
    from checkgrad import verify_grad

    found = {}
    for axes in axes_of("float32"):
        gc.collect()
        before = live_bytes()
        x0 = sharded(400_000, axes, "float32")
        func, grad = sine(x0)
        report = verify_grad(func, grad, x0)
        most = max(func.most, grad.most, live_bytes()) - before
        shards = most / (x0.nbytes / N_DEVICES)
        found[axes] = {"text": str(report), "verdict": report.verdict.value, "shards": shards}
    return found


def wrong() -> dict[str, Any]:
    """A wrong entry of many is found where it lies."""
    import jax
    import jax.numpy as jnp

    from checkgrad import verify_grad

    found = {}
    for axes in axes_of("wrong"):
        gc.collect()
        before = live_bytes()
        x0 = sharded(16_000, axes, shape=(160, 100))
        func, grad = sine(x0)

        def one_doubled(x: Any, grad: Any = grad) -> Any:
            rows = jax.lax.broadcasted_iota(jnp.int32, x.shape, 0)
            columns = jax.lax.broadcasted_iota(jnp.int32, x.shape, 1)
            return jnp.where((rows == 77) & (columns == 5), 2.0, 1.0) * grad(x)

        doubled = jax.jit(one_doubled, out_shardings=x0.sharding)
        report = verify_grad(func, doubled, x0)
        most = max(func.most, live_bytes()) - before
        places = [each.where for each in report.mismatches]
        found[axes] = {"places": places, "shards": most / (x0.nbytes / N_DEVICES)}
        found[axes]["verdict"] = report.verdict.value
    return found


def kinds() -> dict[str, Any]:
    """Verdicts on right claims and on claims off by 1%, for functions that mind the sharding."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import PartitionSpec

    from checkgrad import check_grad, verify_grad, verify_jac, verify_jvp, verify_vjp

    found: dict[str, Any] = {}
    for axes in AXES:
        x0 = sharded(48, axes, shape=(8, 6))
        total = jax.shard_map(
            lambda x: jax.lax.psum(jnp.sum(x**3), "part"),
            mesh=x0.sharding.mesh,
            in_specs=PartitionSpec("part"),
            out_specs=PartitionSpec(),
        )
        mapped = Watched(jax.jit(total), x0.sharding)
        for direction in directions_of(axes):
            func, grad = sine(x0)
            _, off = sine(x0, 1.01)
            found[f"{axes} {direction}"] = [
                verify_grad(func, grad, x0, direction=direction).verdict.value,
                verify_grad(func, off, x0, direction=direction, locate="off").verdict.value,
                verify_grad(mapped, lambda x: 3 * x**2, x0, direction=direction).verdict.value,
            ]
        found[f"{axes} check_grad"] = [
            float(check_grad(func, grad, x0, direction=each, rng=0)) for each in ("all", "random")
        ]
        found[f"{axes} forms"] = [
            verify_jac(lambda x: jnp.sum(x**2, axis=0), _jacobian, x0).verdict.value,
            verify_jvp(lambda x: x**2, lambda x, v: 2 * x * v, x0, direction=2).verdict.value,
            verify_vjp(lambda x: jnp.sum(x**2, axis=1), _vjp, x0, direction=2).verdict.value,
        ]
        bad = jax.device_put(x0, x0.sharding) * jnp.nan
        try:
            verify_grad(func, grad, bad)
        except ValueError as error:
            found[f"{axes} nan"] = str(error)
    found["tangents"] = _tangents_of_meshes()
    with jax.set_mesh(x0.sharding.mesh):
        found["set_mesh"] = verify_grad(func, grad, x0, direction=2).verdict.value
    return found


def _tangents_of_meshes() -> list[list[float]]:
    """Return a random tangent of the same seed, of an x0 on eight devices and on four."""
    import jax
    import numpy as np
    from jax.sharding import NamedSharding, PartitionSpec

    from checkgrad.backends import find_backend

    found = []
    for count in (8, 4):
        mesh = jax.make_mesh((count,), ("part",), devices=jax.devices()[:count])
        like = jax.device_put(np.ones(16), NamedSharding(mesh, PartitionSpec("part")))
        tangent = find_backend([like]).random_tangent(np.random.default_rng(0), like)
        assert tangent.sharding == like.sharding
        found.append(np.asarray(tangent).tolist())
    return found


def _jacobian(x: Any) -> Any:
    import numpy as np

    return np.einsum("ko,ij->kij", np.eye(6), np.zeros((8, 6))) + 2 * np.einsum(
        "ij,jk->kij", np.asarray(x), np.eye(6)
    )


def _vjp(x: Any, cotangent: Any) -> Any:
    return 2 * x * cotangent[:, None]


def tree() -> dict[str, Any]:
    """A tree of leaves that lie over the devices, beside a number."""
    import jax.numpy as jnp

    from checkgrad import verify_grad

    found = {}
    for axes in axes_of("tree"):
        x0 = {"w": sharded(64, axes, shape=(16, 4)), "b": sharded(16, axes), "scale": 2.0}

        def func(x: Any) -> Any:
            return jnp.sum(jnp.tanh(x["w"] + x["b"][:, None])) * x["scale"]

        def grad(x: Any, factor: float = 1.0) -> Any:
            hidden = jnp.tanh(x["w"] + x["b"][:, None])
            slopes = (1 - hidden**2) * x["scale"]
            by_bias = jnp.sum(slopes, axis=1) * factor
            return {"w": slopes, "b": by_bias, "scale": jnp.sum(hidden)}

        right = verify_grad(func, grad, x0, direction="random")

        def off(x: Any) -> Any:
            return grad(x, 1.1)

        wrong = verify_grad(func, off, x0, direction="random", locate="off")
        found[axes] = [right.verdict.value, wrong.verdict.value, str(right)]
    return found


def beside() -> dict[str, Any]:
    """A large leaf on one device beside one over all; its claim lies over all of them."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import NamedSharding, PartitionSpec

    from checkgrad import verify_grad

    over_all = sharded(64, "Auto", "float32")
    everywhere = NamedSharding(over_all.sharding.mesh, PartitionSpec())
    x0 = {"all": over_all, "one": jnp.linspace(0.5, 2, 200_000, dtype=jnp.float32)}

    def func(x: Any) -> Any:
        return jnp.sum(jnp.sin(x["all"])) + jnp.sum(jnp.cos(jax.device_put(x["one"], everywhere)))

    def right(x: Any) -> Any:
        return {"all": jnp.cos(x["all"]), "one": -jnp.sin(jax.device_put(x["one"], everywhere))}

    def off(x: Any) -> Any:
        claim = right(x)
        return claim | {"one": claim["one"].at[190_000].multiply(3)}

    reports = [verify_grad(func, claim, x0, direction="random") for claim in (right, off)]
    places = [each.where for each in reports[1].mismatches]
    return {"verdicts": [each.verdict.value for each in reports], "places": places}


def processes(rank: int, port: int) -> dict[str, Any]:
    """Two processes, each of which has half of x0."""
    import jax
    import numpy as np
    from jax.sharding import AxisType, NamedSharding, PartitionSpec

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"localhost:{port}", 2, rank)
    from checkgrad import verify_grad

    found: dict[str, Any] = {}
    numbers = np.linspace(0.1, 2, 24).reshape(8, 3)
    for axes in axes_of("processes"):
        mesh = jax.make_mesh((4,), ("part",), (AxisType[axes],))
        sharding = NamedSharding(mesh, PartitionSpec("part"))
        x0 = jax.make_array_from_callback((8, 3), sharding, numbers.__getitem__)
        func, grad = sine(x0)

        def off(x: Any, grad: Any = grad, sharding: Any = sharding) -> Any:
            claim = grad(x)
            parts = [s.data * (1.01 if rank else 1.0) for s in claim.addressable_shards]
            return jax.make_array_from_single_device_arrays(claim.shape, sharding, parts)

        right = [verify_grad(func, grad, x0, direction=each) for each in (2, "all")]
        wrong = verify_grad(func, off, x0, direction=2, locate="off")
        found[axes] = [*(each.verdict.value for each in right), wrong.verdict.value, str(wrong)]
    narrow = jax.make_array_from_callback((8, 3), sharding, numbers.astype(np.float32).__getitem__)
    found["float32"] = str(verify_grad(func, grad, narrow, direction=1))
    stopped = verify_grad(func, grad, x0, timeout=1e-3 if rank else 1e3)
    found["stopped"] = stopped.stopped
    return found


def main() -> None:
    """Run the scenarios that the command line names, and print what they return."""
    name, *rest = sys.argv[1:]
    if name == "processes":
        print(json.dumps(processes(int(rest[0]), int(rest[1]))), flush=True)
        return
    print(json.dumps({each: globals()[each]() for each in (name, *rest)}), flush=True)


if __name__ == "__main__":
    main()
