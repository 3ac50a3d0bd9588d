"""The device states that HP's prose names. The contract says only `string`: other states pass through unharmed."""

from enum import StrEnum


class DeviceState(StrEnum):
    """What a device says it is doing. Wherever a state is asked for, any other text will do as well."""

    ON = "DS_ON"
    OFF = "DS_OFF"
    PRINTING = "DS_PRINTING"
    STANDBY = "DS_STANDBY"
    ERROR = "DS_ERROR"
    RIPPING = "DS_RIPPING"
