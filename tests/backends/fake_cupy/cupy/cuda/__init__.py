"""Devices and streams."""

from cupy.cuda import runtime  # noqa: F401
from cupy.cuda.device import Device


class Stream:
    """A stream, in which everything is done at once."""


class ExternalStream(Stream):
    """A stream that was made elsewhere."""


def get_device_id():
    """Give the number of the current device."""
    return Device().id
