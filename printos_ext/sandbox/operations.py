"""What happens when an operation is carried out: the contract's three by what they mean, any other by its form.

Takes what was checked and gives what is answered; knows no HTTP but the statuses of what it refuses.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any
from uuid import UUID

from attrs import define, field, frozen

from .access import ORGANISATION, Access, Caller, is_text
from .behaviours import Switches
from .clock import Clock, written
from .contract import Call, Contract, Operation
from .problems import Problem
from .schemas import ContractError, Schema
from .store import Device, Store

LIST, PROVISION, UPDATE = "listDevices", "provisionDevice", "updateDeviceStatus"
NEW_DEVICE = "DS_OFF"
ONE_DEVICE = "/devices/{"


@frozen
class Listing:
    """How devices are listed: what stands around them, and what each of them must be like."""

    before: bytes
    after: bytes
    device: Schema


@define
class Operations:
    """PrintOS, as far as the contract and HP's prose tell it."""

    contract: Contract
    store: Store
    access: Access
    clock: Clock
    switches: Switches
    chance: Random
    min_interval: float = 0
    listing: Listing = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the store's devices those of this contract."""
        self.listing = _listing(self.contract)
        for operation in self.contract.operations:
            _check_answer(operation)
        fingerprint = hashlib.sha256(json.dumps(self.contract.document).encode()).hexdigest()
        if self.store.setting("contract") != fingerprint:
            self.store.save([self._complete(device) for device in self.store.all()])
            self.store.set_setting("contract", fingerprint)

    def carry_out(self, call: Call, body: Any, caller: Caller) -> bytes:
        """Do what a call asks for and return the body of the answer."""
        known: dict[str, Callable[[], bytes]] = {
            LIST: lambda: self._list(caller),
            PROVISION: lambda: self._provision(call.operation, body, caller),
            UPDATE: lambda: self._update(call, body, caller),
        }
        do = known.get(call.operation.name)
        return do() if do else self._by_its_form(call, body, caller)

    def device_of(self, call: Call) -> str | None:
        """Return the id of the device that a call is about."""
        return next(iter(call.path.values()), None) if call.operation.template.startswith(ONE_DEVICE) else None

    def seed(self, documents: Iterable[Any]) -> int:
        """Put devices in as they are told: any fields, and `organisation` if they are another's."""
        devices = [self._seeded(document) for document in documents]
        for device_id, times in Counter(device.id for device in devices).items():
            if times > 1 or self.store.has(device_id):
                raise Problem(409, f"the id {device_id!r} is another device's", place="devices.id")
        self.store.add(devices)
        return len(devices)

    def _seeded(self, document: Any) -> Device:
        organisation = document.get("organisation", ORGANISATION) if isinstance(document, dict) else None
        if not (isinstance(organisation, str) and is_text(organisation)):
            raise Problem(422, "each device must be an object, and its organisation a text", place="devices")
        fields = {name: value for name, value in document.items() if name != "organisation"}
        if "id" in fields and (not is_text(str(fields["id"])) or str(fields["id"]).strip() in {"", ".", ".."}):
            raise Problem(422, f"no path can have the id {fields['id']!r}", place="devices.id")
        for name, schema in self.listing.device.properties.items():
            for fault in schema.faults(fields[name]) if name in fields else ():
                raise Problem(422, f"devices: {name}: {fault.message}", place=f"devices.{name}")
        return self._complete(self._new(organisation, fields, fields))

    def _list(self, caller: Caller) -> bytes:
        return b"".join([self.listing.before, b", ".join(self.store.answers(caller.organisation)), self.listing.after])

    def _provision(self, operation: Operation, body: Any, caller: Caller) -> bytes:
        if caller.device_id is not None and self.switches["device-sessions"]:
            raise Problem(403, "a device's own session provisions nothing: an administrator's does")
        request = body if isinstance(body, dict) else {}
        named = {name: request[name] for name in self.listing.device.properties if name in request}
        own = {"id", "status", "registeredAt"}  # the platform's to say
        device = self._new(caller.organisation, {name: named[name] for name in named.keys() - own}, request)
        self._refuse_foreign(device)
        login = self.access.give_login(device) if self.access.kind == "session" else {}
        replaced = self.store.twin(device) if self.switches["replacement"] else None
        answer = _answer(operation, device.known)
        self.store.add([self._complete(device)], instead_of=replaced)
        if replaced:
            self.access.forget(replaced)
        return json.dumps({**json.loads(answer), **login}).encode() if login else answer

    def _update(self, call: Call, body: Any, caller: Caller) -> bytes:
        device = self._device(call, caller)
        now = self.clock.now().timestamp()
        since = math.inf if device.reported_at is None else now - device.reported_at
        if self.switches["min-interval"] and 0 <= since < self.min_interval:
            wait = max(1, math.ceil(self.min_interval - since))
            told = f"the device reported {since:.0f} s ago; the next status is taken in {wait} s"
            raise Problem(429, told, headers={"retry-after": str(wait)})
        device.report, device.reported_at = body if isinstance(body, dict) else {}, now
        self._merge(device, device.report, keep={"id", "registeredAt", "model", "serialNumber"})
        answer = _answer(call.operation, device.known)
        self.store.save([self._complete(device)])
        return answer

    def _by_its_form(self, call: Call, body: Any, caller: Caller) -> bytes:
        """Carry out an operation that this code knows nothing about.

        If it is about a device, the device must be there. DELETE of the device itself removes it, PUT and PATCH change
        the fields that devices have. The answer is the device, or the body, with whatever else the contract names.
        """
        operation, known = call.operation, body if isinstance(body, dict) else {}
        if self.device_of(call) is None:
            return _answer(operation, known)
        device = self._device(call, caller)
        if operation.method in {"PUT", "PATCH"}:
            self._merge(device, known, keep={"id", "registeredAt"})
            self._refuse_foreign(device)
        answer = _answer(operation, {**known, **device.known})
        if operation.method == "DELETE" and operation.template.endswith("}") and len(call.path) == 1:
            self.store.remove(device)
            self.access.forget(device)
        elif operation.method in {"PUT", "PATCH"}:
            self.store.save([self._complete(device)])
        return answer

    def _device(self, call: Call, caller: Caller) -> Device:
        device_id = self.device_of(call) or ""
        if caller.device_id not in {None, device_id} and self.switches["device-sessions"]:
            raise Problem(403, f"this session is for the device {caller.device_id} only")
        device = self.store.get(device_id, caller.organisation)
        if device is None:
            raise Problem(404, f"there is no device {device_id!r}", place="path.deviceId")
        return device

    def _refuse_foreign(self, device: Device) -> None:
        if self.switches["foreign-serial-numbers"] and self.store.held_elsewhere(device):
            raise Problem(409, "another organisation has a device with this serial number", place="body.serialNumber")

    def _new(self, organisation: str, known: Mapping[str, Any], request: dict[str, Any]) -> Device:
        own = {
            "id": known["id"] if "id" in known else self._free_id(),
            "status": NEW_DEVICE,
            "registeredAt": written(self.clock.now().replace(microsecond=0)),
        }
        return Device(str(own["id"]), organisation, {**own, **known}, request)

    def _free_id(self) -> Any:
        """Return an id as the contract has it; chance may begin again with the same numbers, devices stay."""
        schema = self.listing.device.properties.get("id")
        while True:
            number = self.chance.getrandbits(128)
            ids = [str(UUID(int=number, version=4)), number % 2**31, f"{number:032x}"]
            chosen = next(filter(schema.takes, ids), ids[0]) if schema else ids[0]
            if not self.store.has(str(chosen)):
                return chosen

    def _merge(self, device: Device, fields: Mapping[str, Any], *, keep: set[str]) -> None:
        named = self.listing.device.properties.keys() - keep
        device.known.update({name: fields[name] for name in named if name in fields})

    def _complete(self, device: Device) -> Device:
        """Write down how a device is listed, once, so that ten thousand of them are listed quickly."""
        named = {name: device.request[name] for name in self.listing.device.properties if name in device.request}
        device.answer = _checked(self.listing.device, self.listing.device.completed({**named, **device.known}), LIST)
        return device


def _check_answer(operation: Operation) -> None:
    """Find out at the start whether an answer can be made."""
    if schema := operation.answer:
        known = dict.fromkeys(("id", "model", "serialNumber", "status", "registeredAt"))
        for name, field in schema.properties.items():
            if name in schema.node.get("required", ()) and name not in known:
                _ = field.sample
        if not schema.properties:
            _ = schema.sample


def _answer(operation: Operation, known: Mapping[str, Any]) -> bytes:
    """Return the body of an answer with what is known and what the contract names besides."""
    if operation.answer is None:
        return b""
    schema = operation.answer
    return _checked(schema, schema.completed(known) if schema.properties else schema.sample, operation.name)


def _checked(schema: Schema, document: Any, what: str) -> bytes:
    for fault in schema.faults(document):
        raise ContractError(f"the sandbox would answer {what} against the contract: {fault.json_path}: {fault.message}")
    return json.dumps(document).encode()


def _listing(contract: Contract) -> Listing:
    """Find out from the contract where the devices stand in their list."""
    operation = next((one for one in contract.operations if one.name == LIST), None)
    answer = operation.answer if operation else None
    if answer is None:
        raise ContractError(f"it has no operation {LIST} that answers in JSON")
    lists = ((name, field) for name, field in answer.properties.items() if "array" in field.kinds)
    place, schema = next(lists, (None, answer))
    device = contract.schemas.schema(schema.node.get("items", {}))
    mark = "devices stand here"
    around = json.dumps([mark] if place is None else {**answer.completed({place: []}), place: [mark]}).encode()
    before, _, after = around.partition(json.dumps(mark).encode())
    return Listing(before, after, device)
