"""Checks that two ranks do together: a program for each of two processes, and who starts them.

Every scenario has a process group of its own, which it may break. It returns what a test asks
about; exceptions are returned as their class and text.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SECONDS = 240  # until the processes are killed, and the tests of them fail
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def run_two_ranks(names, folder):
    """Return what each scenario returned on both ranks: a dictionary of pairs by name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank), str(folder), *names],
            env={**os.environ, **threads},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    end, printed = time.monotonic() + SECONDS, ["", ""]
    for rank, process in enumerate(processes):
        try:
            printed[rank], _ = process.communicate(timeout=max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            printed[rank], _ = process.communicate()
            printed[rank] += f"\nkilled after {SECONDS} s"
    found = [json.loads(p.read_text()) for p in sorted(Path(folder).glob("*.json"))]
    is_complete = len(found) == 2 and all(name in each for each in found for name in names)
    assert is_complete, "\n".join(printed)
    return {name: [each[name] for each in found] for name in names}


def main(rank, folder, names):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    found = {}
    for name in names:
        start = time.monotonic()
        group = dist.new_group([0, 1])
        try:
            outcome = SCENARIOS[name](rank, group)
        except (Exception, KeyboardInterrupt) as error:
            outcome = {"raised": type(error).__name__, "text": str(error)}
        outcome["seconds"] = time.monotonic() - start
        found[name] = outcome
        print(name, outcome, flush=True)
        (Path(folder) / f"{rank}.json").write_text(json.dumps(found))
    store = dist.distributed_c10d._get_default_store()
    store.set(f"done/{rank}", "")
    store.wait(["done/0", "done/1"])
    os._exit(0)  # without the groups' goodbyes: some are broken


def told(report):
    return {"verdict": report.verdict.value, "text": str(report), "n_func": report.n_func}


def total(group):
    """Return a function that sums a tensor over the ranks."""
    import torch.distributed as dist

    def summed(value):
        value = value.detach().clone()
        dist.all_reduce(value, group=group)
        return value

    return summed


# --- replicas: the same x0, other data on each rank -----------------------------------------------


def data_parallel(rank, group, dtype):
    """Return func and grad of a network of which every rank sees its own data, and x0."""
    import torch

    rng = np.random.default_rng(rank)
    x, y = (torch.tensor(rng.normal(size=(8, k)), dtype=dtype) for k in (4, 1))
    fixed = np.random.default_rng(7)
    shapes = {"w": (4, 5), "b": (5,), "v": (5, 1)}
    x0 = {k: torch.tensor(fixed.normal(size=s), dtype=dtype) for k, s in shapes.items()}
    summed = total(group)

    def loss(p):
        return torch.mean((torch.tanh(x @ p["w"] + p["b"]) @ p["v"] - y) ** 2)

    def func(p):
        return summed(loss(p)) / 2

    def grad(p):
        p = {k: leaf.detach().clone().requires_grad_() for k, leaf in p.items()}
        loss(p).backward()
        return {k: summed(leaf.grad) / 2 for k, leaf in p.items()}

    return func, grad, x0


@scenario
def replicas_float64(rank, group):
    import torch

    from checkgrad import verify_grad

    return told(verify_grad(*data_parallel(rank, group, torch.float64), group=group))


@scenario
def replicas_float32(rank, group):
    import torch

    from checkgrad import verify_grad

    return told(verify_grad(*data_parallel(rank, group, torch.float32), group=group))


@scenario
def replicas_along_tangents(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = data_parallel(rank, group, torch.float64)
    return told(verify_grad(func, grad, x0, direction=3, group=group))


@scenario
def replicas_that_round_otherwise(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = data_parallel(rank, group, torch.float64)
    factor = 1 + rank * 2.0**-50
    return told(
        verify_grad(
            lambda p: func(p) * factor,
            lambda p: {k: leaf * factor for k, leaf in grad(p).items()},
            x0,
            group=group,
        )
    )


@scenario
def gradient_that_one_rank_scales(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = data_parallel(rank, group, torch.float64)

    def scaled(p):
        return {k: leaf * (1.5 if rank == 0 else 1.0) for k, leaf in grad(p).items()}

    return told(verify_grad(func, scaled, x0, group=group))


@scenario
def gradient_wrong_on_rank_1_only(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = data_parallel(rank, group, torch.float32)

    def off(p):
        found = grad(p)
        found["b"][2] *= 1.01 if rank else 1.0
        return found

    return told(verify_grad(func, off, x0, group=group))


@scenario
def gradient_that_is_not_reduced(rank, group):
    import torch

    from checkgrad import GradientError, assert_grad

    x0 = data_parallel(rank, group, torch.float64)[-1]["w"][0]
    summed = total(group)
    data = torch.arange(1.0, 6.0, dtype=torch.float64) + rank
    try:
        assert_grad(lambda x: summed(data @ x**2), lambda x: 2 * data * x, x0, group=group)
    except GradientError as error:
        return told(error.report)
    return {"verdict": "correct"}


# --- shards: an x0 of its own on each rank --------------------------------------------------------


def shard(rank, dtype=None):
    import torch

    return torch.arange(1.0, 4.0 + rank, dtype=dtype or torch.float64) + 10 * rank


@scenario
def shards(rank, group):
    from checkgrad import verify_grad

    summed = total(group)

    def func(x):
        return summed((x**3).sum())

    return told(verify_grad(func, lambda x: 3 * x**2, shard(rank), group=group))


@scenario
def shards_float32(rank, group):
    import torch

    from checkgrad import verify_grad

    summed = total(group)
    x0 = shard(rank, torch.float32)
    return told(
        verify_grad(lambda x: summed(torch.sin(x).sum()), torch.cos, x0, direction=4, group=group)
    )


@scenario
def shard_off_by_a_percent(rank, group):
    from checkgrad import verify_grad

    summed, factor = total(group), 3.03 if rank else 3.0

    def func(x):
        return summed((x**3).sum())

    return told(verify_grad(func, lambda x: factor * x**2, shard(rank), group=group))


@scenario
def other_forms_of_shards(rank, group):
    import torch

    from checkgrad import verify_jac, verify_jvp, verify_vjp

    summed = total(group)
    weights = torch.tensor([[1.0, 2.0, -1.0, 0.5], [0.0, 1.0, 3.0, -2.0]], dtype=torch.float64)
    weights = weights[:, : 3 + rank]

    def func(x):
        return summed(weights @ torch.sin(x))

    def jac(x):
        return weights * torch.cos(x)

    reports = [
        verify_jac(func, jac, shard(rank), group=group),
        verify_jvp(func, lambda x, v: summed(jac(x) @ v), shard(rank), group=group),
        verify_vjp(func, lambda x, w: w @ jac(x), shard(rank), group=group),
        verify_jvp(func, lambda x, v: jac(x) @ v, shard(rank), group=group),  # not reduced
    ]
    return {"verdicts": [each.verdict.value for each in reports]}


@scenario
def tangent_of_shards(rank, group):
    from checkgrad import verify_grad

    summed, x0 = total(group), shard(rank)

    def func(x):
        return summed((x**3).sum())

    report = verify_grad(func, lambda x: 3 * x**2, x0, direction=x0 / 2, group=group)
    return told(report) | {"direction": report.direction}


# --- what differs between the ranks ---------------------------------------------------------------


def squares(group):
    summed = total(group)
    return lambda x: summed((x**2).sum())


@scenario
def other_rtol(rank, group):
    from checkgrad import verify_grad

    verify_grad(squares(group), lambda x: 4 * x, shard(0), rtol=[1e-3, 1e-4][rank], group=group)


@scenario
def other_dtypes(rank, group):
    import torch

    from checkgrad import verify_grad

    x0 = {"w": shard(0, [torch.float64, torch.float32][rank])}
    verify_grad(lambda x: squares(group)(x["w"]), lambda x: {"w": 4 * x["w"]}, x0, group=group)


@scenario
def other_seed(rank, group):
    from checkgrad import verify_grad

    rng = np.random.default_rng(rank)
    verify_grad(squares(group), lambda x: 4 * x, shard(0), rng=rng, group=group)


@scenario
def other_trees(rank, group):
    from checkgrad import verify_grad

    x0 = [{"a": shard(0)}, {"b": shard(0)}][rank]
    verify_grad(lambda x: squares(group)(*x.values()), lambda x: x, x0, group=group)


@scenario
def partly_sharded(rank, group):
    from checkgrad import verify_grad

    x0 = {"a": shard(0), "b": shard(rank)}
    verify_grad(lambda x: squares(group)(x["a"]), lambda x: x, x0, group=group)


@scenario
def value_that_is_not_reduced(rank, group):
    from checkgrad import verify_grad

    verify_grad(lambda x: (x**2).sum() * (1 + rank), lambda x: 2 * x, shard(0), group=group)


# --- ranks that leave -----------------------------------------------------------------------------


def in_haste():
    """Let a rank wait in a collective for two seconds only."""
    from checkgrad.evaluate import agreed

    agreed._FIRST_WAIT = agreed._SHORTEST_WAIT = 2.0


@scenario
def claim_raises_on_one_rank(rank, group):
    from checkgrad import verify_grad

    in_haste()
    summed = total(group)

    def grad(x):
        if rank:
            raise ValueError("no gradient here")
        return summed(2 * x)

    verify_grad(squares(group), grad, shard(0), group=group)


@scenario
def func_raises_on_one_rank(rank, group):
    from checkgrad import verify_grad

    in_haste()
    func, calls = squares(group), []

    def sometimes(x):
        calls.append(x)
        if rank and len(calls) == 4:
            raise ZeroDivisionError("no value here")
        return func(x)

    verify_grad(sometimes, lambda x: 4 * x, shard(0), group=group)


@scenario
def func_raises_off_its_domain(rank, group):
    from checkgrad import verify_grad

    func = squares(group)

    def root(x):
        if (x < 1).any():
            raise ValueError("outside")
        return func(x**0.5)

    return told(verify_grad(root, lambda x: 2 * x**0, shard(0) + 1e-9, group=group))


@scenario
def rank_that_does_not_come(rank, group):
    from checkgrad import verify_grad
    from checkgrad.evaluate import exchange

    exchange._BEGINNING = 1.0
    if rank == 0:
        verify_grad(squares(group), lambda x: 4 * x, shard(0), group=group)
    return {}


@scenario
def interrupted_rank(rank, group):
    from checkgrad import verify_grad

    in_haste()
    func, calls = squares(group), []

    def sometimes(x):
        calls.append(x)
        if rank and len(calls) == 4:
            raise KeyboardInterrupt
        return func(x)

    report = verify_grad(sometimes, lambda x: 4 * x, shard(0), on_interrupt="report", group=group)
    return told(report) | {"stopped": report.stopped}


@scenario
def timeout_by_other_clocks(rank, group):
    from checkgrad import verify_grad

    func = squares(group)

    def slow(x):
        time.sleep(0.02)
        return func(x)

    # By the clock of rank 1, there is all the time of the world.
    from checkgrad.evaluate import budget

    clock, budget.clock = budget.clock, (lambda: 0.0) if rank else budget.clock
    try:
        report = verify_grad(slow, lambda x: 4.1 * x, shard(0), timeout=0.3, group=group)
    finally:
        budget.clock = clock
    return told(report) | {"stopped": report.stopped}


@scenario
def no_group(rank, group):
    from checkgrad import verify_grad

    verify_grad(squares(group), lambda x: 4 * x, shard(0), group="gloo")


@scenario
def workers_beside_a_group(rank, group):
    from checkgrad import verify_grad

    verify_grad(squares(group), lambda x: 4 * x, shard(0), group=group, workers=2)


# --- DTensors, fully_shard, tensor parallel -------------------------------------------------------


def mesh_of(group):
    from torch.distributed.device_mesh import DeviceMesh

    return DeviceMesh.from_group(group, "cpu")


def scaled_shard(tensor, factor, rank):
    """Return a DTensor whose shard on rank 1 is multiplied by a factor."""
    from torch.distributed.tensor import DTensor

    local = tensor.to_local() * (factor if rank else 1.0)
    return DTensor.from_local(
        local,
        tensor.device_mesh,
        tensor.placements,
        run_check=False,
        shape=tensor.shape,
        stride=tensor.stride(),
    )


def network(dtype):
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 3)
    return nn.Sequential(*layers).to(dtype)


def of_distributed_tensors(group, dtype):
    """Return func, grad and x0 of three layers of DTensors, sharded and replicated."""
    import torch
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    mesh = mesh_of(group)
    placements = {
        "0.weight": Shard(0),
        "0.bias": Shard(0),
        "2.weight": Shard(1),
        "2.bias": Replicate(),
        "4.weight": Shard(0),
        "4.bias": Replicate(),
    }
    x0 = {
        name: distribute_tensor(leaf.detach(), mesh, [placements[name]])
        for name, leaf in network(dtype).named_parameters()
    }
    data = torch.linspace(-1, 1, 20, dtype=dtype).reshape(4, 5)
    data = distribute_tensor(data, mesh, [Replicate()])

    def loss(p):
        hidden = torch.tanh(data @ p["0.weight"].T + p["0.bias"])
        hidden = torch.tanh(hidden @ p["2.weight"].T + p["2.bias"])
        return ((hidden @ p["4.weight"].T + p["4.bias"]) ** 2).sum()

    def grad(p):
        p = {name: leaf.detach().requires_grad_() for name, leaf in p.items()}
        loss(p).backward()
        return {name: leaf.grad for name, leaf in p.items()}

    return loss, grad, x0


@scenario
def distributed_tensors(rank, group):
    import torch

    from checkgrad import verify_grad

    seen = []
    func, grad, x0 = of_distributed_tensors(group, torch.float64)

    def noting(p):
        seen.append({name: str(leaf.placements) for name, leaf in p.items()})
        return func(p)

    report = verify_grad(noting, grad, x0)
    same = {name: str(leaf.placements) for name, leaf in x0.items()}
    return told(report) | {"laid_out_as_x0": all(each == same for each in seen)}


@scenario
def distributed_tensors_float32(rank, group):
    import torch

    from checkgrad import verify_grad

    return told(verify_grad(*of_distributed_tensors(group, torch.float32), direction=5))


@scenario
def distributed_tensor_off_by_a_percent(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = of_distributed_tensors(group, torch.float64)

    def off(p):
        found = grad(p)
        return found | {"2.weight": scaled_shard(found["2.weight"], 1.01, rank)}

    return told(verify_grad(func, off, x0))


@scenario
def parts_of_tensors(rank, group):
    """Return whether parts know where they lie, and what random numbers of the wholes are."""
    import torch
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    from checkgrad.backends.torch_parts import torch_part

    line, grid = mesh_of(group), DeviceMesh("cpu", [[0], [1]])
    cases = [
        (line, [Shard(0)], (5, 3)),
        (line, [Shard(1)], (5, 3)),
        (line, [Replicate()], (5, 3)),
        (grid, [Replicate(), Shard(0)], (5, 3)),
        (grid, [Shard(1), Replicate()], (5, 3)),
        (line, [Shard(0)], (1,)),
    ]
    facts = []
    for mesh, placements, shape in cases:
        size = int(np.prod(shape))
        whole = torch.arange(float(size)).reshape(shape)
        tensor = distribute_tensor(whole, mesh, placements)
        part, local = torch_part(tensor, 2), tensor.to_local()
        own, n = local.reshape(-1).tolist(), local.numel()
        facts += [
            part.indices(0, n).tolist() == own,
            part.indices(min(1, n), n).tolist() == own[1:],
            [part.place_of(i) for i in range(size) if i in own] == list(range(n)),
            all(part.place_of(i) == -1 for i in range(size) if i not in own),
            torch.equal(part.taken(whole), local) and torch.equal(part.taken(tensor), local),
            torch.equal(part.whole(local), whole),
            part.assembled(local).placements == tensor.placements,
            part.taken(torch.ones(2, 2)).shape == (2, 2),
        ]
        random = part.random_block(5, 0, n, local).reshape(local.shape)
        facts.append(torch.equal(part.whole(random), random_whole(shape)))
    strided = distribute_tensor(torch.ones(4, dtype=torch.int64), line, [Shard(0)])
    return {"facts": [*facts, torch_part(strided, 2) is None, torch_part(tensor, 3) is None]}


def random_whole(shape):
    """Return the random numbers of a tensor that one rank has all of."""
    import torch
    from torch.distributed.tensor import Replicate, distribute_tensor

    from checkgrad.backends.torch_parts import torch_part

    mesh = mesh_of(torch.distributed.group.WORLD)
    tensor = distribute_tensor(torch.ones(shape), mesh, [Replicate()])
    return torch_part(tensor, 2).random_block(5, 0, tensor.numel(), torch.ones(1)).reshape(shape)


@scenario
def rank_without_a_part(rank, group):
    """One leaf is on rank 0 only, and another one lies in many blocks."""
    import torch
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    from checkgrad import verify_grad

    mesh = mesh_of(group)
    many = torch.linspace(0.5, 1.5, 270_001)
    numbers = {"one": torch.ones(1), "many": many, "two": torch.ones(2)}
    placements = {"one": Shard(0), "many": Shard(0), "two": Replicate()}
    x0 = {
        name: distribute_tensor(each.double(), mesh, [placements[name]])
        for name, each in numbers.items()
    }

    def func(p):
        return sum((leaf**3).sum() for leaf in p.values())

    def grad(p):
        return {name: 3 * leaf**2 for name, leaf in p.items()}

    def off(p):
        found = grad(p)
        return found | {"many": scaled_shard(found["many"], 1.01, rank)}

    options = {"direction": 2, "rng": 0, "locate": "off"}
    reports = [verify_grad(func, each, x0, **options) for each in (grad, off)]
    return told(reports[1]) | {"right": reports[0].verdict.value}


@scenario
def memory_of_parts(rank, group):
    """Return the peak memory of this rank in shards, of one call of func and of a check."""
    import torch
    from torch.distributed.tensor import DTensor, Shard

    from checkgrad import verify_grad

    mesh = mesh_of(group)
    size = int(os.environ.get("CHECKGRAD_ENTRIES_OF_A_PART", "2000000"))

    def of(size):
        local = torch.linspace(0.5, 1.5, size, dtype=torch.float64) + rank
        return DTensor.from_local(local, mesh, [Shard(0)], run_check=False)

    def func(x):
        return (x * x).sum()

    def grad(x):
        return 2 * x

    options = {"direction": "random", "rng": 0, "group": group}
    verify_grad(func, grad, of(100), **options)  # what is imported when used
    x0 = of(size)
    largest_memory()
    shard = 8 * size
    before = largest_memory() - shard  # the one of x0 is there already
    func(x0)
    of_func = (largest_memory() - before) / shard
    report = verify_grad(func, grad, x0, **options)
    of_check = (largest_memory() - before) / shard
    found = [None, None]
    torch.distributed.all_gather_object(found, (of_func, of_check), group=group)
    return told(report) | {"shards": found}


def largest_memory():
    """Return the largest resident memory of this process since the last call, in bytes."""
    status = Path("/proc/self/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    return int(lines["VmHWM"].split()[0]) * 1024


@scenario
def replicated_gradient_that_differs(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = of_distributed_tensors(group, torch.float64)

    def off(p):
        found = grad(p)
        return found | {"2.bias": scaled_shard(found["2.bias"], 2.0, rank)}

    return told(verify_grad(func, off, x0))


@scenario
def replicated_x0_that_differs(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = of_distributed_tensors(group, torch.float64)
    x0["4.bias"] = scaled_shard(x0["4.bias"], 2.0, rank)
    verify_grad(func, grad, x0)


def fully_sharded(rank, group, dtype):
    """Return func, grad and x0 of a module under FSDP2, with other data on each rank."""
    import torch
    from torch.distributed.fsdp import fully_shard

    model, mesh = network(dtype), mesh_of(group)
    fully_shard(model[0], mesh=mesh)
    fully_shard(model, mesh=mesh)
    data = torch.linspace(-1, 1, 20, dtype=dtype).reshape(4, 5) * (1 + rank)
    summed = total(group)
    x0 = dict(model.named_parameters())

    def loss(p):
        model.reshard()  # which leaves whole parameters after a call
        with torch.no_grad():
            for name, leaf in model.named_parameters():
                leaf.copy_(p[name])
        return (model(data) ** 2).sum()

    def func(p):
        return summed(loss(p)) / 2

    def grad(p):
        model.reshard()
        model.zero_grad()
        loss(p).backward()
        return {name: leaf.grad.detach().clone() for name, leaf in model.named_parameters()}

    return func, grad, x0


@scenario
def module_under_fsdp2(rank, group):
    import torch

    from checkgrad import verify_grad

    return told(verify_grad(*fully_sharded(rank, group, torch.float64), direction=5))


@scenario
def module_under_fsdp2_off_by_a_percent(rank, group):
    import torch

    from checkgrad import verify_grad

    func, grad, x0 = fully_sharded(rank, group, torch.float64)

    def off(p):
        return {name: scaled_shard(leaf, 1.01, rank) for name, leaf in grad(p).items()}

    return told(verify_grad(func, off, x0))


@scenario
def tensor_parallel_module(rank, group):
    import torch
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )
    from torch.func import functional_call

    from checkgrad import verify_grad

    plan = {"0": ColwiseParallel(), "2": RowwiseParallel()}
    model = parallelize_module(network(torch.float64), mesh_of(group), plan)
    data = torch.linspace(-1, 1, 20, dtype=torch.float64).reshape(4, 5)
    x0 = {name: leaf.detach() for name, leaf in model.named_parameters()}

    def func(p):
        return (functional_call(model, p, (data,)) ** 2).sum()

    def grad(p):
        p = {name: leaf.detach().requires_grad_() for name, leaf in p.items()}
        func(p).backward()
        return {name: leaf.grad for name, leaf in p.items()}

    def off(p):
        found = grad(p)
        return found | {"0.weight": scaled_shard(found["0.weight"], 1.01, rank)}

    reports = [verify_grad(func, each, x0, direction=4) for each in (grad, off)]
    return told(reports[1]) | {"right": reports[0].verdict.value}


@scenario
def doors_that_take_no_distributed_tensors(rank, group):
    import torch

    import checkgrad

    x0 = of_distributed_tensors(group, torch.float64)[2]["4.weight"]
    said = []
    for call in (
        lambda: checkgrad.approx_fprime(x0, torch.sum),
        lambda: checkgrad.check_grad(torch.sum, torch.ones_like, x0),
    ):
        try:
            call()
        except TypeError as error:
            said.append(str(error))
    return {"said": said}


@scenario
def claim_of_distributed_tensors_raises(rank, group):
    import torch

    from checkgrad import verify_grad

    in_haste()
    func, grad, x0 = of_distributed_tensors(group, torch.float64)

    def raising(p):
        if rank:
            raise ValueError("no gradient here")
        return grad(p)

    verify_grad(func, raising, x0)


if __name__ == "__main__":
    from distributed_tensors import SCENARIOS  # which has those of this module, too

    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
