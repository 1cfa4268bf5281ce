"""Scenarios of `two_ranks` with DTensors: what options and forms of claims do with them."""

from __future__ import annotations

import os
from contextlib import contextmanager

from two_ranks import SCENARIOS, in_haste, mesh_of, scenario

__all__ = ["SCENARIOS"]

IS_FULL = os.environ.get("CHECKGRAD_FULL") == "1"
CLAIMS_EACH = 2 if IS_FULL else 1  # of the right and the wrong one


def numbers(shape, seed=3):
    import torch

    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64) + 0.5


def laid_out(group, layout, whole):
    """Return a DTensor by rows, by columns, on all ranks, or by rows on a mesh of two axes."""
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    placements = {"rows": [Shard(0)], "columns": [Shard(1)], "all": [Replicate()]}
    if layout == "grid":
        return distribute_tensor(whole, DeviceMesh("cpu", [[0], [1]]), [Shard(0), Replicate()])
    return distribute_tensor(whole, mesh_of(group), placements[layout])


LAYOUTS = "rows", "columns", "all", "grid"


def one_wrong(claim, place, factor=1.5):
    """Return a DTensor one entry of which is multiplied by a factor."""
    import torch
    from torch.distributed.tensor import distribute_tensor

    factors = torch.ones(claim.shape, dtype=claim.dtype)
    factors[place] = factor
    return claim * distribute_tensor(
        factors, claim.device_mesh, claim.placements, src_data_rank=None
    )


def func(x):
    return (x**3).sum() + x.sum() ** 2


def grad(x):
    return 3 * x**2 + 2 * x.sum()


def wrong(x):
    return one_wrong(grad(x), (4, 3))


def in_turn(number, *claims):
    """Return the right claim and the wrong one; in a plain run one of them, by the number."""
    return claims if IS_FULL else claims[number % 2 :][:1]


def said(check, *arguments, **options):
    """Return the verdict of a check and its first finding, or what it raised."""
    try:
        report = check(*arguments, **options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    lines = str(report).splitlines()
    return report.verdict.value + "".join(lines[1:2] if report.verdict.value == "wrong" else [])


@contextmanager
def gathered(sizes):
    """Note in a list how many entries the wholes of arrays have that checkgrad gathers."""
    from checkgrad.backends.torch_parts import TorchPart
    from checkgrad.backends.torch_ranks import TorchRanks

    of_array, of_part = TorchRanks.whole, TorchPart.whole

    def whole(self, array):
        sizes.append(array.numel())
        return of_array(self, array)

    def whole_of_part(self, part):
        found = of_part(self, part)
        sizes.append(found.numel())
        return found

    TorchRanks.whole, TorchPart.whole = whole, whole_of_part
    try:
        yield
    finally:
        TorchRanks.whole, TorchPart.whole = of_array, of_part


# --- tangents -------------------------------------------------------------------------------------


@scenario
def given_tangents(rank, group):
    """Tangents in every form that the option has, at DTensors in every layout."""
    from torch.distributed.tensor import DTensor

    from checkgrad import verify_grad

    def centred(v):
        assert isinstance(v, DTensor)
        return v - v.mean()

    found, sizes = {}, []
    for turn, layout in enumerate(LAYOUTS):
        x0 = laid_out(group, layout, numbers((6, 5)))
        first, second = (laid_out(group, layout, numbers((6, 5), seed) - 0.9) for seed in (1, 2))
        directions = {
            "DTensor": first,
            "whole": numbers((6, 5), 1),
            "other placements": laid_out(group, "columns", first.full_tensor()),
            "list": [first, second],
            "tuple": (first, second),
            "one in a list": [first],
            "function": centred,
        }
        if layout != "rows":
            directions = {name: directions[name] for name in ("DTensor", "function")}
        for number, (name, direction) in enumerate(directions.items(), start=turn):
            for claim in in_turn(number, grad, wrong):
                with gathered(sizes):
                    verdict = said(verify_grad, func, claim, x0, direction=direction)
                found[f"{layout}, {name}, {claim.__name__}"] = verdict.split()[0]
    return {"found": found, "largest": max(sizes)}


@scenario
def given_tangents_of_trees(rank, group):
    from checkgrad import verify_grad

    def tree(seed):
        whole = numbers((7, 3), seed), numbers((3, 2), seed), numbers((4,), seed)
        return [laid_out(group, "rows", whole[0]), laid_out(group, "columns", whole[1]), whole[2]]

    def func(p):
        return ((p[0] ** 3).sum() + (p[1] ** 3).sum()).full_tensor() + (p[2] ** 3).sum()

    def grad(p):
        return [3 * leaf**2 for leaf in p]

    def wrong(p):
        return [one_wrong(3 * p[0] ** 2, (6, 2)), *grad(p)[1:]]

    directions = [tree(1), [tree(1), tree(2)], lambda v: [leaf / 2 for leaf in v]]
    return {
        "found": [
            said(verify_grad, func, claim, tree(3), direction=each).split()[0]
            for each in directions
            for claim in (grad, wrong)
        ]
    }


@scenario
def tangents_that_are_refused(rank, group):
    import torch
    from torch.distributed.tensor import DTensor, Replicate

    from checkgrad import verify_grad

    x0, like = laid_out(group, "rows", numbers((6, 5))), numbers((6, 5), 1)
    other = like * (1 + rank)
    replicas = DTensor.from_local(other, x0.device_mesh, [Replicate()], run_check=False)
    directions = {
        "shape": laid_out(group, "rows", numbers((5, 6))),
        "zero": 0 * x0,
        "not finite": x0 / 0,
        "shard": x0.to_local(),
        "differs": other,
        "replicas differ": replicas,
        "one of the list differs": [like, other],
        "other lengths": [like] * (2 + rank),
        "on one rank": "auto" if rank else like,
        "other kinds": x0 if rank else like,
        "returns another shape": lambda v: torch.ones(2),
        "returns nothing": lambda v: None,
        "returns more": lambda v: [v, v],
    }
    found = {
        name: said(verify_grad, func, grad, x0, direction=each) for name, each in directions.items()
    }
    more = said(verify_grad, func, lambda x: [grad(x)] * 2, x0)
    return {"found": found | {"claims more": more}}


@scenario
def claim_of_more_arrays_on_one_rank(rank, group):
    from checkgrad import verify_grad

    x0 = laid_out(group, "rows", numbers((6, 5)))
    return {"said": said(verify_grad, func, lambda x: [grad(x)] * (1 + rank), x0)}


@scenario
def projection_that_differs(rank, group):
    """The function of the user's returns something else on each rank: that of rank 0 counts."""
    from checkgrad import verify_grad

    reports = [
        said(verify_grad, func, claim, x0, direction=lambda v: v * (1.0 + rank), group=group)
        for x0 in (numbers((6, 5)), laid_out(group, "all", numbers((6, 5))))
        for claim in (grad, lambda x: 1.01 * grad(x))
    ]
    return {"found": [each.split()[0] for each in reports]}


@scenario
def projection_that_raises(rank, group):
    from checkgrad import verify_grad

    in_haste()

    def project(v):
        if rank:
            raise ValueError("no tangent here")
        return v - v.mean()

    x0 = laid_out(group, "rows", numbers((6, 5)))
    return {"said": said(verify_grad, func, grad, x0, direction=project)}


# --- single entries -------------------------------------------------------------------------------


@scenario
def located_entries(rank, group):
    """One wrong entry of many is found, and no leaf is gathered for it."""
    from checkgrad import verify_grad

    found, sizes = {}, []
    for layout, place in (("rows", (680, 299)), ("columns", (3, 299))):
        x0 = laid_out(group, layout, numbers((700, 300)))

        def grad(x, place=place):
            return one_wrong(3 * x**2, place)

        with gathered(sizes):
            found[f"{layout}, {place}"] = said(verify_grad, lambda x: (x**3).sum(), grad, x0)
    return {"found": found, "largest": max(sizes)}


# --- other forms of claims ------------------------------------------------------------------------


def forms_of_claims(outputs):
    """Return func, jvp and vjp, of which func returns one of several kinds of outputs."""
    import torch
    from torch.distributed.tensor import DTensor, Replicate

    if outputs == "laid out as x0":
        return (
            lambda x: torch.sin(x) * x,
            lambda x, v: (torch.cos(x) * x + torch.sin(x)) * v,
            lambda x, w: (torch.cos(x) * x + torch.sin(x)) * w,
        )

    def rows(x):
        return (x**2).sum(1)

    def jvp(x, v):
        return (2 * x * v).sum(1)

    def vjp(x, w):
        return 2 * x * w[:, None]

    if outputs == "sums":

        def vjp_of_sums(x, w):
            assert not any(each.is_partial() for each in w.placements)
            return vjp(x, w)

        return rows, jvp, vjp_of_sums

    def whole_vjp(x, w):
        assert not isinstance(w, DTensor)
        replicas = [Replicate()] * x.device_mesh.ndim
        return vjp(x, DTensor.from_local(w, x.device_mesh, replicas, run_check=False))

    return lambda x: rows(x).full_tensor(), lambda x, v: jvp(x, v).full_tensor(), whole_vjp


def off_jvp(jvp):
    return lambda x, v: jvp(x, 1.01 * v)


def off_vjp(vjp):
    return lambda x, w: one_wrong(vjp(x, w), (1, 1))


@scenario
def other_forms_of_distributed_tensors(rank, group):
    from checkgrad import verify_jvp, verify_vjp

    cases = {
        ("rows", "laid out as x0"): (verify_jvp, verify_vjp),
        ("rows", "whole"): (verify_jvp, verify_vjp),
        ("columns", "sums"): (verify_jvp, verify_vjp),
        ("all", "sums"): (verify_vjp,),
        ("grid", "laid out as x0"): (verify_vjp,),
    }
    found = {}
    for turn, ((layout, outputs), checks) in enumerate(cases.items()):
        x0 = laid_out(group, layout, numbers((2, 2)))
        func, jvp, vjp = forms_of_claims(outputs)
        wrong_jvp, wrong_vjp = off_jvp(jvp), off_vjp(vjp)
        for number, check in enumerate(checks, start=turn):
            right, wrong = (jvp, wrong_jvp) if check is verify_jvp else (vjp, wrong_vjp)
            for kind, claim in in_turn(number, ("right", right), ("wrong", wrong)):
                name = f"{layout}, {outputs}, {check.__name__}, {kind}"
                found[name] = said(check, func, claim, x0)
    return {"found": found}


@scenario
def jacobians_of_distributed_tensors(rank, group):
    import torch
    from torch.distributed.tensor import Replicate, distribute_tensor

    from checkgrad import verify_jac

    found, weights = {}, numbers((3, 4, 2), 9)
    for layout in ("rows", "columns"):
        x0 = laid_out(group, layout, numbers((4, 2)))
        w = distribute_tensor(weights, x0.device_mesh, [Replicate()], src_data_rank=None)

        def func(x, w=w):
            return (w * torch.sin(x)).sum((1, 2))

        def jac(x, w=w):
            return w * torch.cos(x)

        def whole_jac(x, jac=jac):
            return jac(x).full_tensor()

        def wrong_jac(x, jac=jac):
            return one_wrong(jac(x), (1, 3, 1))

        for claim in (jac, whole_jac, wrong_jac):
            found[f"{layout}, {claim.__name__}"] = said(verify_jac, func, claim, x0)
    return {"found": found}


@scenario
def directions_of_other_forms(rank, group):
    """Tangents of jvps, which are like x0, and cotangents of vjps, which are like func(x0)."""
    from checkgrad import verify_jvp, verify_vjp

    func, jvp, vjp = forms_of_claims("laid out as x0")
    x0 = laid_out(group, "rows", numbers((2, 2)))
    first, second = (laid_out(group, "columns", numbers((2, 2), seed)) for seed in (1, 2))
    directions = [first, [first, second], (numbers((2, 2), 1), numbers((2, 2), 2)), "all", 2]
    found = {}
    for turn, each in enumerate(directions):
        for number, (check, right) in enumerate(((verify_jvp, jvp), (verify_vjp, vjp)), start=turn):

            def wrong(x, v, right=right):
                return right(x, 1.01 * v)

            for kind, claim in in_turn(number, ("right", right), ("wrong", wrong)):
                verdict = said(check, func, claim, x0, direction=each).split()[0]
                found[f"{turn}, {check.__name__}, {kind}"] = verdict
    cotangents = [0 * first, laid_out(group, "rows", numbers((2, 3))), [first] * (1 + rank)]
    refused = [said(verify_vjp, func, vjp, x0, direction=each) for each in cotangents]
    return {"found": found, "refused": refused}


@scenario
def large_leaves_in_other_forms(rank, group):
    """No leaf of x0 is gathered, neither of its claims nor of its tangents."""
    from checkgrad import verify_jvp, verify_vjp

    x0, sizes = laid_out(group, "rows", numbers((700, 300))), []

    def func(x):
        return (x**3).sum()

    def jvp(x, v):
        return (3 * x**2 * v).sum()

    def vjp(x, w):
        return 3 * x**2 * w

    def wrong_vjp(x, w):
        return one_wrong(vjp(x, w), (680, 299))

    with gathered(sizes):
        found = [
            said(verify_jvp, func, jvp, x0),
            said(verify_jvp, func, lambda x, v: 1.01 * jvp(x, v), x0).split()[0],
            said(verify_vjp, func, vjp, x0),
            said(verify_vjp, func, wrong_vjp, x0).partition(" claim")[0],
        ]
    return {"found": found, "largest": max(sizes)}


@scenario
def output_with_as_many_leaves_as_x0(rank, group):
    """What jvps of the ranks return must be the same, also if it looks like parts of x0."""
    from checkgrad import verify_jvp

    x0 = laid_out(group, "rows", numbers((4, 3)))
    return {
        "said": said(
            verify_jvp,
            lambda x: (x**2).full_tensor(),
            lambda x, v: (2 * x * v).full_tensor() * (1 + 0.5 * rank),
            x0,
        )
    }


@scenario
def vjp_that_raises(rank, group):
    from checkgrad import verify_vjp

    in_haste()
    func, _, vjp = forms_of_claims("laid out as x0")

    def raising(x, w):
        if rank:
            raise ValueError("no vjp here")
        return vjp(x, w).redistribute(placements=laid_out(group, "all", numbers(3)).placements)

    return {"said": said(verify_vjp, func, raising, laid_out(group, "rows", numbers((4, 3))))}


# --- the library's own derivatives ----------------------------------------------------------------


def rule(scale=1.0, only_on=None):
    """Return a rule of torch.autograd of x**2; its backward pass scales on one rank, or on all."""
    import torch
    from torch.distributed.tensor import DTensor

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            assert isinstance(x, DTensor)
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, cotangent):
            assert isinstance(cotangent, DTensor)
            (x,) = ctx.saved_tensors
            here = only_on is None or torch.distributed.get_rank() == only_on
            return (2.0 * scale if here else 2.0) * x * cotangent

    return Square.apply


@scenario
def derivatives_of_the_library(rank, group):
    from checkgrad import verify_autodiff

    found = {}
    for layout in ("rows", "columns", "grid"):
        x0 = laid_out(group, layout, numbers((2, 1) if layout == "rows" else (1, 2)))
        found[f"{layout}, right rule"] = said(verify_autodiff, rule(), x0)
        found[f"{layout}, wrong rule"] = said(verify_autodiff, rule(1.01), x0)
    x0 = laid_out(group, "all", numbers((2,)))
    on_one_rank = verify_autodiff(rule(1.5, only_on=1), x0)
    tangents = {"direction": [x0, x0 / 2], "bounds": (x0 - 1, None), "order": 2, "modes": "rev"}
    found["all, wrong rule on one rank"] = on_one_rank.verdict.value
    found["all, right with options"] = said(verify_autodiff, lambda x: (x**3).sum(), x0, **tangents)
    report = verify_autodiff(lambda x: (x**3).sum().full_tensor(), x0)
    return {"found": found, "text": str(report), "on one rank": str(on_one_rank)}


@scenario
def modes_that_distributed_tensors_lack(rank, group):
    from torch.distributed.tensor import DTensor, Partial

    from checkgrad import verify_autodiff

    x0 = laid_out(group, "rows", numbers((2, 2)))
    options = {"fwd": {"modes": "fwd"}, "vmap": {"modes": "vmap"}, "lin": {"modes": "lin"}}
    options |= {"order": {"order": 1 + rank}, "workers": {"workers": 2}}
    found = {
        name: said(verify_autodiff, lambda x: x**2, x0, **each) for name, each in options.items()
    }
    partial = DTensor.from_local(numbers((2, 2)), x0.device_mesh, [Partial()])
    return {"found": found | {"partial": said(verify_autodiff, lambda x: x**2, partial)}}


@scenario
def rule_that_raises(rank, group):
    import torch

    from checkgrad import verify_autodiff

    in_haste()

    class Raising(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2.0

        @staticmethod
        def backward(ctx, cotangent):
            if rank:
                raise ValueError("no backward here")
            return cotangent.redistribute(placements=laid_out(group, "all", numbers(3)).placements)

    return {"said": said(verify_autodiff, Raising.apply, laid_out(group, "rows", numbers((2, 2))))}


# --- bounds, all entries --------------------------------------------------------------------------


@scenario
def bounds_of_distributed_tensors(rank, group):
    """Bounds in every form that the option has; func notes whether they hold where it is called."""
    from checkgrad import verify_grad

    found, lowest = {}, []
    for turn, layout in enumerate(("rows", "columns")):
        x0 = laid_out(group, layout, numbers((3, 2)))
        bounds = {
            "numbers": (0.4, 2.0),
            "DTensors": (x0, x0 + 1e-3),  # x0 lies on them
            "whole": (x0.full_tensor(), x0.full_tensor() + 1.0),
            "one side": (x0, None),
        }
        for number, (name, each) in enumerate(bounds.items(), start=turn):

            def func(x, x0=x0, is_bound=name != "numbers"):
                lowest.append((x - x0 if is_bound else x - 0.4).full_tensor().min().item())
                return (x**3).sum() + x.sum() ** 2

            def wrong(x):
                return one_wrong(grad(x), (2, 1))

            for claim in in_turn(number, grad, wrong):
                direction = {"direction": 3, "locate": "off"} if name == "one side" else {}
                verdict = said(verify_grad, func, claim, x0, bounds=each, **direction)
                found[f"{layout}, {name}, {claim.__name__}"] = verdict
    return {"found": found, "lowest": min(lowest)}


@scenario
def bounds_that_are_refused(rank, group):
    from checkgrad import verify_grad

    x0 = laid_out(group, "rows", numbers((3, 2)))
    bounds = {
        "outside": (10.0, None),
        "crossed": (x0 + 1, x0),
        "shape": (laid_out(group, "rows", numbers((2, 3))), None),
        "no pair": x0.to_local()[0, 0],
        "numbers differ": (0.0, 2.0 + rank),
        "arrays differ": (numbers((3, 2)) - 1 - rank, None),
        "on one rank": None if rank else (0.0, None),
    }
    return {
        "found": {
            name: said(verify_grad, func, grad, x0, bounds=each) for name, each in bounds.items()
        }
    }


@scenario
def all_entries(rank, group):
    """Each entry is judged by itself, also where a rank has none of a leaf."""
    from checkgrad import verify_grad

    def func(p):
        return sum((leaf**3).sum() for leaf in p.values())

    def grad(p):
        return {name: 3 * leaf**2 for name, leaf in p.items()}

    x0 = {
        "one": laid_out(group, "rows", numbers((1, 2))),
        "odd": laid_out(group, "columns", numbers((2, 3))),
    }
    found = []
    for options in ({"direction": "all"}, {"method": "complex-step"}):
        for name, place in ((None, None), ("one", (0, 1)), ("odd", (1, 2))):

            def claim(p, name=name, place=place):
                slopes = grad(p)
                return slopes | ({name: one_wrong(slopes[name], place)} if name else {})

            found.append(said(verify_grad, func, claim, x0, **options).partition(" claim")[0])
    return {"found": found}
