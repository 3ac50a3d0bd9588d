"""The threads in which readings wait for what asyncio cannot wait for: one that hangs takes nobody else's.

The executor of a loop. What is done for no device has a few threads of its own, as with any other loop.
"""

import contextvars
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_device: contextvars.ContextVar[str | None] = contextvars.ContextVar("device", default=None)


def context_of(device: str) -> contextvars.Context:
    """Return the context in which a device is read."""
    context = contextvars.copy_context()
    context.run(_device.set, device)
    return context


class Threads(ThreadPoolExecutor):
    """Those of readings are as many as there is work, and end with the process, whatever they wait for."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__(thread_name_prefix="printos")
        self._at_work: Counter[str] = Counter()
        self._counting = threading.Lock()

    def are_at_work(self, device: str) -> bool:
        """Tell whether anything that was begun for a device has not ended."""
        return self._at_work[device] > 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **more: Any) -> "Future[Any]":
        """Do something in a thread."""
        device = _device.get()
        if device is None:
            return super().submit(work, *arguments, **more)
        future: Future[Any] = Future()

        def run() -> None:
            try:
                _carry_out(future, lambda: work(*arguments, **more))
            finally:
                self._count(device, -1)

        thread = threading.Thread(target=run, name=f"printos {device}", daemon=True)
        self._count(device, 1)
        try:
            thread.start()
        except RuntimeError:  # the machine has none left
            self._count(device, -1)
            raise
        return future

    def _count(self, device: str, number: int) -> None:
        with self._counting:
            self._at_work[device] += number
            if not self._at_work[device]:
                del self._at_work[device]


def _carry_out(future: "Future[Any]", work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - whoever waits for it decides
        future.set_exception(error)
    else:
        future.set_result(result)
