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

# A state, and the OID of the value that decided it.
Decided = tuple[str, str]


@frozen
class Condition:
    """What one printer of a device says; `errors` is None if it has no error bits."""

    index: snmp.Index
    device: int | None
    printer: int | None
    errors: frozenset[str] | None

    @property
    def is_known(self) -> bool:
        """Whether the device knows its own state."""
        return self.device not in {UNKNOWN_DEVICE, TESTING_DEVICE}

    @property
    def device_key(self) -> str:
        """The OID of hrDeviceStatus."""
        return snmp.oid_of(snmp.DEVICES, snmp.DEVICE_STATUS, self.index)

    @property
    def printer_key(self) -> str:
        """The OID of hrPrinterStatus."""
        return snmp.oid_of(snmp.PRINTERS, snmp.PRINTER_STATUS, self.index)

    @property
    def errors_key(self) -> str:
        """The OID of hrPrinterDetectedErrorState."""
        return snmp.oid_of(snmp.PRINTERS, snmp.PRINTER_ERRORS, self.index)


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
        if not (device is None and printer is None and octets is None):
            yield Condition(index, device, printer, None if octets is None else errors_in(octets))


def errors_in(octets: bytes) -> frozenset[str]:
    """Return the names of the bits that are set; octets that were not sent have none."""
    bits = int.from_bytes(octets[:2].ljust(2, b"\0"))
    return frozenset(name for place, name in enumerate(ERRORS) if bits & (0x8000 >> place))


def state_of(condition: Condition, last_status: str | None = None) -> Decided:
    """Return the state of a printer; of one that does not know, the last one that was known."""
    says_nothing = condition.printer not in {OTHER, IDLE, PRINTING, WARMUP}
    if says_nothing and _is_blocked(condition):
        return DeviceState.ERROR, condition.errors_key
    if not condition.is_known:
        return last_status or DeviceState.ON, condition.device_key
    if says_nothing:
        return DeviceState.ON, _said_in(condition)
    return _state_when_down(condition) if condition.device == DOWN_DEVICE else _state_when_up(condition)


def _said_in(condition: Condition) -> str:
    """Return where a printer says something, be it that nothing is wrong."""
    if condition.printer is not None:
        return condition.printer_key
    return condition.device_key if condition.errors is None else condition.errors_key


def _state_when_down(condition: Condition) -> Decided:
    if condition.printer == WARMUP:
        return DeviceState.STANDBY, condition.printer_key
    if _is_blocked(condition):
        return DeviceState.ERROR, condition.errors_key
    if _is_offline(condition):
        return DeviceState.STANDBY, condition.errors_key
    return DeviceState.ERROR, condition.device_key


def _state_when_up(condition: Condition) -> Decided:
    if condition.printer == PRINTING:
        return DeviceState.PRINTING, condition.printer_key
    if _is_blocked(condition):
        return DeviceState.ERROR, condition.errors_key
    if condition.printer == IDLE and _is_offline(condition):
        return DeviceState.STANDBY, condition.errors_key
    return DeviceState.ON if condition.printer == IDLE else DeviceState.STANDBY, condition.printer_key


def foremost(decided: Iterable[Decided]) -> Decided:
    """Return the state of a device of several printers."""
    return min(decided, key=lambda one: FOREMOST.index(one[0]) if one[0] in FOREMOST else len(FOREMOST))


def _is_blocked(condition: Condition) -> bool:
    return not BLOCKING.isdisjoint(condition.errors or ())


def _is_offline(condition: Condition) -> bool:
    errors = condition.errors or ()
    return "offline" in errors and "serviceRequested" not in errors
