"""A device, which is current inside of a ``with`` statement."""

from cupy.cuda import runtime


class Device:
    """The device of a number, or the current one."""

    def __init__(self, device=None):
        self.id = runtime.getDevice() if device is None else int(device)

    @property
    def mem_info(self):
        return runtime.FREE_BYTES, runtime.TOTAL_BYTES

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self):
        return hash(self.id)

    def __enter__(self):
        runtime.current.append(self.id)
        return self

    def __exit__(self, *error):
        runtime.current.pop()

    def __repr__(self):
        return f"<CUDA Device {self.id}>"
