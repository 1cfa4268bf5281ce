"""What tests of the backends share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    """What XLA compiles while the test runs: one entry for each time."""
    monitoring = pytest.importorskip("jax.monitoring")
    found: list[str] = []

    def listen(event: str, duration: float, **more: object) -> None:
        del duration, more
        if event.endswith("backend_compile_duration"):
            found.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    yield found
    monitoring.unregister_event_duration_listener(listen)
