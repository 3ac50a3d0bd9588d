"""What a printer is doing, from the three values in which SNMP says so. No I/O."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from printos_ext.states import DeviceState

from . import snmp_rows as snmp
from .snmp_rows import Rows

# hrPrinterDetectedErrorState, the most significant bit first.
ERRORS = (
    "lowPaper",
    "noPaper",
    "lowToner",
    "noToner",
    "doorOpen",
    "jammed",
    "offline",
    "serviceRequested",
    "inputTrayMissing",
    "outputTrayMissing",
    "markerSupplyMissing",
    "outputNearFull",
    "outputFull",
    "inputTrayEmpty",
    "overduePreventMaint",
)
# With one of these nothing can be printed.
BLOCKING = {
    "noPaper",
    "noToner",
    "doorOpen",
    "jammed",
    "inputTrayMissing",
    "outputTrayMissing",
    "markerSupplyMissing",
    "outputFull",
}
UNKNOWN_DEVICE, TESTING_DEVICE, DOWN_DEVICE = 1, 4, 5
OTHER, IDLE, PRINTING, WARMUP = 1, 3, 4, 5

# Of several printers in one device, what one of them does counts in this order.
FOREMOST: tuple[str, ...] = (DeviceState.ERROR, DeviceState.PRINTING, DeviceState.ON, DeviceState.STANDBY)


@frozen
class Condition:
    """What one printer of a device says, and the OID that says most of it."""

    device: int | None
    printer: int | None
    errors: frozenset[str]
    key: str

    @property
    def is_known(self) -> bool:
        """Whether the device knows its own state."""
        return self.device not in {UNKNOWN_DEVICE, TESTING_DEVICE}


def conditions(rows: Rows) -> Iterator[Condition]:
    """Find the printers among the devices of a host, and what each says."""
    devices, printers = snmp.table(rows, snmp.DEVICES), snmp.table(rows, snmp.PRINTERS)
    typed = {index for index, row in devices.items() if row.get(snmp.DEVICE_TYPE) == snmp.IS_PRINTER}
    some = typed | set(printers) or {
        index for index, row in devices.items() if snmp.DEVICE_TYPE not in row and snmp.DEVICE_STATUS in row
    }
    for index in sorted(some):
        device = snmp.number(devices.get(index, {}).get(snmp.DEVICE_STATUS))
        printer = snmp.number(printers.get(index, {}).get(snmp.PRINTER_STATUS))
        octets = snmp.octets(printers.get(index, {}).get(snmp.PRINTER_ERRORS))
        if printer is not None:
            key = snmp.oid_of(snmp.PRINTERS, snmp.PRINTER_STATUS, index)
        elif octets:
            key = snmp.oid_of(snmp.PRINTERS, snmp.PRINTER_ERRORS, index)
        else:
            key = snmp.oid_of(snmp.DEVICES, snmp.DEVICE_STATUS, index)
        if not (device is None and printer is None and octets is None):
            yield Condition(device, printer, errors_in(octets or b""), key)


def errors_in(octets: bytes) -> frozenset[str]:
    """Return the names of the bits that are set; octets that were not sent have none."""
    bits = int.from_bytes(octets[:2].ljust(2, b"\0"))
    return frozenset(name for place, name in enumerate(ERRORS) if bits & (0x8000 >> place))


def state_of(condition: Condition, last_status: str | None = None) -> str:
    """Return the state of a printer; of one that does not know, the last one that was known."""
    is_blocked = bool(condition.errors & BLOCKING)
    says_nothing = condition.printer not in {OTHER, IDLE, PRINTING, WARMUP}
    if says_nothing and is_blocked:
        return DeviceState.ERROR
    if not condition.is_known:
        return last_status or DeviceState.ON
    if says_nothing:
        return DeviceState.ON
    state_when = _state_when_down if condition.device == DOWN_DEVICE else _state_when_up
    return state_when(condition, is_blocked=is_blocked)


def _state_when_down(condition: Condition, *, is_blocked: bool) -> str:
    is_by_choice = condition.printer == WARMUP or (_is_offline(condition) and not is_blocked)
    return DeviceState.STANDBY if is_by_choice else DeviceState.ERROR


def _state_when_up(condition: Condition, *, is_blocked: bool) -> str:
    if condition.printer == PRINTING:
        return DeviceState.PRINTING
    if is_blocked:
        return DeviceState.ERROR
    return DeviceState.ON if condition.printer == IDLE and not _is_offline(condition) else DeviceState.STANDBY


def foremost(states: Iterable[str]) -> str:
    """Return the state of a device of several printers."""
    return min(states, key=lambda state: FOREMOST.index(state) if state in FOREMOST else len(FOREMOST))


def _is_offline(condition: Condition) -> bool:
    return "offline" in condition.errors and "serviceRequested" not in condition.errors
