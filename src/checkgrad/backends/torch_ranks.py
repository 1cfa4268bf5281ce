"""The ranks of a process group of ``torch.distributed``, and DTensors that lie on them.

Messages between ranks go through the store of the group. They do not wait for anybody, and need no
collective, so that a rank that has left cannot make the others hang.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.autograd import forward_ad
from torch.distributed import distributed_c10d
from torch.utils._python_dispatch import _disable_current_modes

from checkgrad.backends.array_parts import ArrayPart
from checkgrad.backends.array_types import Array, HostArray
from checkgrad.backends.dispatch import host
from checkgrad.backends.process_groups import LostError
from checkgrad.backends.registry import backend_of, is_array
from checkgrad.backends.torch_wide_tensor import WideTensor, wrapped

_checks: Counter[str] = Counter()  # how many checks began, by the names of groups


class TorchRanks:
    """The ranks of one process group.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup
        The group.
    """

    def __init__(self, group: Any) -> None:
        self._group = group
        self.rank = dist.get_rank(group)
        self.size = dist.get_world_size(group)
        store = distributed_c10d._world.pg_map[group][1]  # noqa: SLF001
        # Two threads of a process ask it.
        self._shared_store = store.clone() if hasattr(store, "clone") else store
        self._store = self._shared_store

    def start(self) -> None:
        """See `ProcessGroup.start`."""
        name = self._group.group_name
        _checks[name] += 1
        self._store = dist.PrefixStore(f"checkgrad/{_checks[name]}", self._shared_store)

    def post(self, key: str, message: bytes) -> None:
        """See `ProcessGroup.post`."""
        with _store_asked():
            self._store.set(key, message)

    def read(self, key: str) -> bytes | None:
        """See `ProcessGroup.read`."""
        with _store_asked():
            return bytes(self._store.get(key)) if self._store.check([key]) else None

    def forget(self, key: str) -> None:
        """See `ProcessGroup.forget`."""
        with _store_asked():
            self._store.delete_key(key)

    def gather(self, value: Any) -> list[Any]:
        """See `ProcessGroup.gather`."""
        values: list[Any] = [None] * self.size
        with _without_modes():
            dist.all_gather_object(values, value, group=self._group)
        return values

    def numbers(self, leaf: Any) -> HostArray:
        """See `ProcessGroup.numbers`."""
        with _without_modes():
            return np.array(host(leaf.wide if isinstance(leaf, WideTensor) else leaf))

    def with_numbers(self, numbers: HostArray, leaf: Any) -> Any:
        """See `ProcessGroup.with_numbers`."""
        if not is_array(leaf):
            return numbers.item()
        with _without_modes():
            if isinstance(leaf, WideTensor):
                wide = torch.tensor(numbers, dtype=leaf.wide.dtype, device=leaf.device)
                return wrapped(wide, leaf.dtype)
            if not isinstance(leaf, torch.Tensor):
                return backend_of(leaf).from_host(numbers, leaf)
            tensor = torch.tensor(numbers, dtype=leaf.dtype, device=leaf.device)
            return tensor.requires_grad_() if leaf.requires_grad and leaf.is_leaf else tensor

    @contextmanager
    def waiting_at_most(self, seconds: float) -> Iterator[None]:
        """See `ProcessGroup.waiting_at_most`. Other backends than gloo do not return after that."""
        backends = [each for each in map(_gloo, distributed_c10d._world.pg_map) if each]  # noqa: SLF001
        before = [each.options._timeout for each in backends]  # noqa: SLF001
        for each in backends:
            each._set_default_timeout(dt.timedelta(seconds=seconds))  # noqa: SLF001
        try:
            yield
        finally:
            for each, timeout in zip(backends, before, strict=True):
                each._set_default_timeout(timeout)  # noqa: SLF001

    def is_partitioned(self, array: Any) -> bool:
        """See `ProcessGroup.is_partitioned`."""
        return _is_dtensor(array)

    def part(self, array: Array) -> ArrayPart | None:
        """See `ProcessGroup.part`."""
        from checkgrad.backends.torch_parts import torch_part

        return torch_part(array, self.size)

    def whole(self, array: Array) -> Array:
        """See `ProcessGroup.whole`."""
        return array.detach().full_tensor().clone()

    def laid_out(self, array: Array, like: Array) -> Array:
        """See `ProcessGroup.laid_out`."""
        laid_out = _distributed(array, like.device_mesh, like.placements)
        return laid_out.requires_grad_(like.requires_grad)

    def as_cotangent(self, array: Array, like: Array) -> Array:
        """See `ProcessGroup.as_cotangent`. That of a sum over the ranks is the same on all."""
        from torch.distributed.tensor import Replicate

        placements = [Replicate() if each.is_partial() else each for each in like.placements]
        return _distributed(array, like.device_mesh, placements)

    def recorded(self, array: Array, like: Array) -> Array:
        """See `ProcessGroup.recorded`.

        Raises
        ------
        NotImplementedError
            In forward mode and under ``vmap``, which DTensors lack.
        ValueError
            If `like` is a sum over the ranks.
        """
        from torch.distributed.tensor import DTensor, Replicate

        if forward_ad.unpack_dual(array).tangent is not None:
            raise NotImplementedError("PyTorch has no forward AD of DTensors")
        if torch._C._functorch.is_functorch_wrapped_tensor(array):  # noqa: SLF001
            raise NotImplementedError("PyTorch has no vmap of DTensors")
        if any(each.is_partial() for each in like.placements):
            raise ValueError(
                f"x0 has a DTensor with the placements {tuple(like.placements)}, which PyTorch "
                "cannot differentiate by; pass x0.redistribute(placements=...) with Replicate()"
            )
        mesh = like.device_mesh
        replicas = DTensor.from_local(array, mesh, [Replicate()] * mesh.ndim, run_check=False)
        return replicas.redistribute(mesh, like.placements)

    def recorded_whole(self, array: Array) -> Array:
        """See `ProcessGroup.recorded_whole`."""
        return array.full_tensor()

    def records(self, leaf: Any) -> bool:
        """See `ProcessGroup.records`."""
        return isinstance(leaf, torch.Tensor) and leaf.requires_grad


def find_torch_group(group: Any, leaves: Sequence[Any]) -> TorchRanks | None:
    """Return the ranks of a group, or of the mesh that DTensors lie on.

    Parameters
    ----------
    group : Any
        As in `checkgrad.backends.process_groups.find_group`, which has the exceptions, too.
    leaves : sequence
        The leaves of x0.
    """
    meshes = [leaf.device_mesh for leaf in leaves if _is_dtensor(leaf)]
    if group is None and not meshes:
        return None
    if group is None:
        group = _group_of(meshes)
    if not dist.is_available() or not isinstance(group, dist.ProcessGroup):
        raise TypeError(
            f"group is a {type(group).__name__}; pass a process group of torch.distributed, such "
            "as torch.distributed.group.WORLD, after init_process_group"
        )
    if dist.get_rank(group) < 0:
        raise ValueError("this process is no member of group; call checkgrad in its members only")
    if distributed_c10d._world.pg_map[group][1] is None:  # noqa: SLF001
        raise ValueError("group is one of MPI, which has no store for messages; pass one of gloo")
    return TorchRanks(group)


def _group_of(meshes: Sequence[Any]) -> Any:
    """Return the group of all ranks on which DTensors lie."""
    ranks = {tuple(mesh.mesh.flatten().tolist()) for mesh in meshes}
    if len(ranks) > 1:
        raise ValueError(
            "the leaves of x0 are DTensors on meshes of different ranks; pass group=, the process "
            "group of all of them"
        )
    mesh = max(meshes, key=lambda each: each.ndim)
    if mesh.ndim == 1:
        return mesh.get_group()
    if mesh.size() == dist.get_world_size():
        return dist.group.WORLD
    raise ValueError(
        "the leaves of x0 are DTensors on a mesh of several dimensions; pass group=, the process "
        "group of all of its ranks"
    )


def _distributed(array: Array, mesh: Any, placements: Sequence[Any]) -> Array:
    """Return a whole array as a DTensor. Every rank has it, so that none has to be sent a part."""
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(array.detach(), mesh, placements, src_data_rank=None)


@contextmanager
def _without_modes() -> Iterator[None]:
    """Return a context in which operators run as they are, also where func is widened."""
    with _disable_current_modes(), torch._C.DisableTorchFunction():  # noqa: SLF001
        yield


@contextmanager
def _store_asked() -> Iterator[None]:
    """Return a context in which the store is asked, whose errors are ours."""
    try:
        yield
    except dist.DistError as error:
        raise LostError(str(error)) from error


def _gloo(group: Any) -> Any:
    """Return the part of a group that is of gloo, or None."""
    try:
        backend = group._get_backend(torch.device("cpu"))  # noqa: SLF001
    except RuntimeError:  # it has none for the CPU
        return None
    return backend if type(backend).__name__ == "ProcessGroupGloo" else None


def _is_dtensor(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and hasattr(leaf, "device_mesh")
