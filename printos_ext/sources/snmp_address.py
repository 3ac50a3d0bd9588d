"""Which agent is asked, and with which name: SNMP addresses and the credentials of version 3. No I/O."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from attrs import Attribute, field, fields, frozen

from .reading import SourceError

PORT = 161
COMMUNITY = "public"
FORM = "snmp://[community@]host[:port][?version=1|2c|3&user=name]"
VERSIONS: Mapping[str | None, tuple[str, ...]] = MappingProxyType(
    {None: ("2c", "1"), "2c": ("2c",), "2": ("2c",), "1": ("1",), "3": ("3",)}
)
AUTH_PROTOCOLS = ("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV_PROTOCOLS = ("DES", "AES", "AES-192", "AES-256")
SHORTEST_KEY = 8  # RFC 3414, 11.2
ABOUT = "SNMP credentials: "


def _one_of(protocols: tuple[str, ...]) -> Callable[[object, "Attribute[str | None]", str | None], None]:
    def check(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
        if value is not None and value not in protocols:
            raise SourceError(f"{ABOUT}{attribute.name} is one of {', '.join(protocols)}, not {value!r}")

    return check


def _long_enough(_: object, attribute: "Attribute[str | None]", value: str | None) -> None:
    if value is not None and len(value.encode()) < SHORTEST_KEY:
        why = f"is too short, agents take no less than {SHORTEST_KEY} octets"
        raise SourceError(f"{ABOUT}{attribute.name} {why}")


@frozen
class SnmpCredentials:
    """Who asks an agent of version 3. Without keys nothing is signed or encrypted; `repr` shows no key.

    Attributes:
        user: The name of the user that the agent knows.
        auth_protocol: One of `AUTH_PROTOCOLS`.
        auth_key: The password that requests are signed with.
        priv_protocol: One of `PRIV_PROTOCOLS`.
        priv_key: The password that requests are encrypted with.
    """

    user: str
    auth_protocol: str | None = field(default=None, validator=_one_of(AUTH_PROTOCOLS))
    auth_key: str | None = field(default=None, repr=False, validator=_long_enough)
    priv_protocol: str | None = field(default=None, validator=_one_of(PRIV_PROTOCOLS))
    priv_key: str | None = field(default=None, repr=False, validator=_long_enough)

    def __attrs_post_init__(self) -> None:
        """Refuse halves."""
        for protocol, key, name in (
            (self.auth_protocol, self.auth_key, "auth"),
            (self.priv_protocol, self.priv_key, "priv"),
        ):
            if (protocol is None) != (key is None):
                raise SourceError(f"{ABOUT}{name}_protocol and {name}_key are given together or not at all")
        if self.priv_key is not None and self.auth_key is None:
            raise SourceError(f"{ABOUT}who encrypts signs too, give auth_protocol and auth_key as well")

    @classmethod
    def of(cls, user: str, table: Mapping[str, Any], where: str) -> Self:
        """Return the credentials of a user from a table of a configuration file; errors begin with where that is."""
        known = [attribute.name for attribute in fields(cls) if attribute.name != "user"]
        unknown = sorted(repr(str(key)) for key in table if key not in known)
        if unknown:
            raise SourceError(f"{where}: there is no {', '.join(unknown)}, only {', '.join(known)}")
        for key, value in table.items():
            if not isinstance(value, str):
                raise SourceError(f"{where}: {key} is a text in quotes, not {type(value).__name__}")
        try:
            return cls(user, **table)
        except SourceError as error:
            raise SourceError(f"{where}: {str(error).removeprefix(ABOUT)}") from None


@frozen
class SnmpAddress:
    """Where an agent is and how it is spoken to; `str` shows no community."""

    host: str
    port: int
    community: str = field(repr=False)
    versions: tuple[str, ...]
    credentials: SnmpCredentials | None
    query: str

    def __str__(self) -> str:
        """Return the URI without what opens the agent."""
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host
        port = "" if self.port == PORT else f":{self.port}"
        return f"snmp://{host}{port}{self.query and '?'}{self.query}"


def parsed(uri: str, credentials: SnmpCredentials | None = None) -> SnmpAddress:
    """Read an address, or say what is wrong with it."""
    try:
        parts = urlsplit(uri)
        host, port = unquote(parts.hostname or ""), PORT if parts.port is None else parts.port
    except ValueError:
        why = "the host or the port cannot be told from the rest"
        raise SourceError(f"not an SNMP address: {why}; one is {FORM}") from None
    if parts.scheme != "snmp" or not host or parts.path not in {"", "/"} or parts.fragment or port == 0:
        raise SourceError(f"not an SNMP address: {_shown(parts)}; one is {FORM}")
    if parts.password is not None:
        why = "passwords are not taken from an address; give SnmpCredentials (a : in a community is written %3A)"
        raise SourceError(f"{_shown(parts)}: {why}")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not asked.keys() <= {"version", "user"} or asked.get("version") not in VERSIONS:
        raise SourceError(f"{_shown(parts)}: version is 1, 2c or 3, and user the only other word; the form is {FORM}")
    version = asked.get("version") or ("3" if credentials or "user" in asked else None)
    return SnmpAddress(
        host=host,
        port=port,
        community=COMMUNITY if parts.username is None else unquote(parts.username),
        versions=VERSIONS[version],
        credentials=_credentials(version, asked.get("user"), credentials, _shown(parts)),
        query=urlencode(asked),
    )


def _credentials(
    version: str | None, user: str | None, given: SnmpCredentials | None, shown: str
) -> SnmpCredentials | None:
    """Return who asks: who was given, or the user of the address, who has no keys."""
    if version != "3":
        if given or user:
            raise SourceError(f"{shown}: users are for version 3; leave the user out or say version=3")
        return None
    if given and user and given.user != user:
        raise SourceError(f"{shown}: the address names the user {user!r}, the credentials {given.user!r}")
    if not (given or user):
        raise SourceError(f"{shown}: version 3 needs a user; add user=… or give SnmpCredentials")
    return given or SnmpCredentials(user or "")


def _shown(parts: SplitResult) -> str:
    """Return what can be shown of an address that is wrong: a / or # in a community moves it out of its place."""
    is_misplaced = "@" in parts.path + parts.query + parts.fragment
    return "snmp://..." if is_misplaced else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
