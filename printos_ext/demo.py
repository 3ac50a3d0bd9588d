"""A few minutes in the life of three devices, in seconds: `make demo`. A sandbox stands in for PrintOS.

It needs the extra [sandbox]. Nothing leaves this machine.
"""

import sys
import time

from .client import PrintOS
from .sandbox import Sandbox
from .states import DeviceState

DEVICES = (
    {"model": "HP Indigo 7K", "serial_number": "IL42", "location": "Hall 1"},
    {"model": "HP PageWide T250", "serial_number": "PW17", "location": "Hall 2"},
    {"model": "Horizon StitchLiner", "serial_number": "HZ03", "location": "Finishing"},
)
MINUTES = (
    (DeviceState.ON, DeviceState.ON, DeviceState.STANDBY),
    (DeviceState.RIPPING, DeviceState.PRINTING, DeviceState.ON),
    (DeviceState.PRINTING, DeviceState.PRINTING, DeviceState.ON),
    (DeviceState.PRINTING, DeviceState.ERROR, DeviceState.STANDBY),
    (DeviceState.PRINTING, DeviceState.PRINTING, DeviceState.OFF),
)
PAGES_A_MINUTE = 120
INK_A_MINUTE = 4.5
ROW = "{:<22}{:<10}{:<14}{:>8}{:>7}"


def main() -> int:
    """Provision, report, show and stop."""
    # Time passes for the sandbox only: it must not mind that we sign with the time of this machine.
    sandbox = Sandbox(min_interval=60, without=("clock-tolerance",))
    with sandbox, PrintOS(sandbox.key, sandbox.secret, base_url=sandbox.url) as printos:
        say(f"A sandbox on this machine: {sandbox.url} (look at it while it lasts)")
        devices = [str(printos.devices.provision(**device).id) for device in DEVICES]
        say(f"{len(devices)} devices provisioned; {len(MINUTES)} minutes of their life:\n")
        pages, ink = [120_345, 88_001, 4_711], [82.0, 41.5, 100.0]
        for minute, states in enumerate(MINUTES):
            for n, state in enumerate(states):
                if state == DeviceState.PRINTING:
                    pages[n] += PAGES_A_MINUTE
                    ink[n] -= INK_A_MINUTE
                printos.devices.update_status(devices[n], state, pages_total=pages[n], ink_level=ink[n])
            say(f"minute {minute}: " + ", ".join(states))
            time.sleep(0.3)  # for people who watch the page
            sandbox.move_clock(60)
        say("\n" + ROW.format("model", "serial", "state", "pages", "ink %"))
        reports = {device["id"]: device["report"]["metrics"] for device in sandbox.devices}
        for listed in printos.devices.list():
            metrics = reports[listed.id]
            row = (listed.model, listed.serial_number, listed.status, f"{metrics['pagesTotal']:,}", metrics["inkLevel"])
            say(ROW.format(*map(str, row)))
        say(f"\nThe page of a sandbox that stays: {sys.executable} -m printos_ext.sandbox")
    return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
