"""The array of the stand-in: a NumPy array that is kept from NumPy, and a device."""

import functools
import operator

import numpy as np

from cupy.cuda.device import Device

SCALARS = (bool, int, float, complex, np.generic)


class ndarray:  # noqa: N801
    """An array on a device. It refuses to become a NumPy array except by `get`."""

    __array_priority__ = 100
    __hash__ = None

    def __init__(self, memory, device):
        self._memory = memory
        self.device = device

    dtype = property(lambda self: self._memory.dtype)
    ndim = property(lambda self: self._memory.ndim)
    size = property(lambda self: self._memory.size)
    nbytes = property(lambda self: self._memory.nbytes)
    itemsize = property(lambda self: self._memory.itemsize)
    strides = property(lambda self: self._memory.strides)
    T = property(lambda self: wrapped(memory_of(self).T))
    real = property(lambda self: wrapped(memory_of(self).real))
    imag = property(lambda self: wrapped(memory_of(self).imag))

    @property
    def shape(self):
        return self._memory.shape

    @shape.setter
    def shape(self, shape):
        self._memory = self._memory.reshape(shape, copy=False)

    def get(self):
        """Copy to the host."""
        return self._memory.copy(order="C")

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return getattr(on_arrays(ufunc), method)(*inputs, **kwargs)

    def __array_function__(self, func, types, args, kwargs):
        return on_arrays(func)(*args, **kwargs)

    def __getitem__(self, key):
        memory, key = memory_of(self), memory_of(key)
        found = memory[key]
        if isinstance(found, np.generic):  # NumPy's copy of one entry; CuPy's is a view
            found = memory[(*(key if isinstance(key, tuple) else (key,)), ...)]
        return wrapped(found)

    def __setitem__(self, key, value):
        memory_of(self)[memory_of(key)] = memory_of(value)

    def __len__(self):
        return len(self._memory)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __repr__(self):
        return repr(self._memory)

    def __bool__(self):
        return bool(self._memory)

    def __int__(self):
        return int(self._memory)

    def __index__(self):
        return operator.index(self._memory)

    def __float__(self):
        return float(self._memory)

    def __complex__(self):
        return complex(self._memory)


def memory_of(value):
    """Get the NumPy array inside of an array of the current device; NumPy's own are refused."""
    if isinstance(value, ndarray):
        if value.device != Device():
            raise ValueError(
                "Array device must be same as the current device: array device = "
                f"{value.device.id} while current = {Device().id}"
            )
        return value._memory
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(memory_of, value))
    return value


def wrapped(value):
    """Make results of NumPy arrays on the current device; other results stay."""
    if isinstance(value, (np.ndarray, np.generic)):
        return ndarray(np.asarray(value), Device())
    if isinstance(value, tuple) and any(isinstance(part, np.ndarray) for part in value):
        parts = map(wrapped, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [wrapped(part) for part in value]
    return value


def on_arrays(func):
    """Make a function of NumPy's one of these arrays."""

    @functools.wraps(func)
    def function(*args, **kwargs):
        named = {name: memory_of(value) for name, value in kwargs.items()}
        return wrapped(func(*map(memory_of, args), **named))

    return function


def array(obj, dtype=None, copy=True, order="K", *, blocking=False):
    """Make an array on the current device, from the host or from any device."""
    if isinstance(obj, ndarray):
        same = obj.device == Device() and dtype in (None, obj.dtype)
        if same and not copy and (order == "K" or obj._memory.flags.c_contiguous):
            return obj
        return wrapped(np.array(obj._memory, dtype=dtype, order=order))
    if isinstance(obj, (list, tuple)):
        obj = _on_host(obj)
    return wrapped(np.array(obj, dtype=dtype, order=order))


def _on_host(items):
    if isinstance(items, (list, tuple)):
        return [_on_host(item) for item in items]
    return items.get() if isinstance(items, ndarray) else items


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    """Make an array on the current device, or give the one that is there."""
    return array(a, dtype, copy, order or "K")


def asnumpy(a):
    """Copy to the host."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def _method(name):
    def method(self, *args, **kwargs):
        named = {key: memory_of(value) for key, value in kwargs.items()}
        return wrapped(getattr(memory_of(self), name)(*map(memory_of, args), **named))

    return method


for _name in (
    "all any argmax argmin astype clip conj copy cumsum dot fill flatten item max mean min prod "
    "ravel repeat reshape sort squeeze std sum take tolist transpose var view"
).split():
    setattr(ndarray, _name, _method(_name))


def _operator(name):
    def method(self, other):
        if not isinstance(other, (ndarray, *SCALARS)):
            if isinstance(other, np.ndarray):
                raise TypeError(f"Unsupported type {type(other)}")
            return NotImplemented
        return wrapped(getattr(memory_of(self), name)(memory_of(other)))

    return method


def _in_place(name):
    def method(self, other):
        function = getattr(operator, name)
        memory = memory_of(self)
        function(memory, memory_of(other))
        return self

    return method


for _name in (
    "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift "
    "radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul rand ror rxor eq ne lt le gt ge"
).split():
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in "iadd isub imul itruediv".split():
    setattr(ndarray, f"__{_name}__", _in_place(f"__{_name}__"))
for _name in ("__neg__", "__pos__", "__abs__", "__invert__"):
    setattr(ndarray, _name, _method(_name))

ndarray.__module__ = "cupy"
