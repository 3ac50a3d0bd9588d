"""How devices, letters and answers are called on NATS: shares, subjects, streams. No I/O.

A device belongs to one of 64 shares for ever, so that sites need not know who sends for it.
"""

import hashlib
import zlib
from urllib.parse import quote, unquote

from attrs import frozen

from printos_ext.agent.letters import OutboxError

SHARES = 64
LONGEST_TOKEN = 2000  # bytes: with the rest of the subject, a line of NATS' protocol holds at most 4,096
# What reading somebody else's message raises, if it is not one of ours.
NOT_UNDERSTOOD = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def token_of(device_id: str) -> str:
    """Return an id as one token of a subject: readable, whatever is in it."""
    try:
        token = quote(device_id, safe="").replace(".", "%2E")
    except UnicodeEncodeError:
        raise OutboxError(f"no subject can hold the id of device {device_id[:50]!r}: it is no text") from None
    if not 0 < len(token) <= LONGEST_TOKEN:
        told = f"a shorter one, of at most {LONGEST_TOKEN:,} bytes with all but plain letters as %XX"
        raise OutboxError(f"no subject can hold the id of device {device_id[:50]!r}: give it {told}")
    return token


def device_of(subject: str) -> str:
    """Return the id of the device that a subject is about."""
    return unquote(subject.rpartition(".")[2])


def share_of(device_id: str) -> int:
    """Return the share that a device belongs to."""
    return zlib.crc32(device_id.encode()) % SHARES


def key_of(model: str, serial_number: str) -> str:
    """Return what a device is called before it has an id; also the id of the message that asks for one."""
    return hashlib.sha256(f"{model}\0{serial_number}".encode(errors="surrogatepass")).hexdigest()[:32]


@frozen
class Names:
    """The names of one fleet, of which a NATS may carry several."""

    fleet: str = "printos"

    def status(self, device_id: str) -> str:
        """Return the subject on which the status of a device waits."""
        return f"{self.fleet}.status.{share_of(device_id):02}.{token_of(device_id)}"

    def lease(self, device_id: str) -> str:
        """Return the subject which tells that a device is sent for."""
        return f"{self.fleet}.lease.{share_of(device_id):02}.{token_of(device_id)}"

    def all_of(self, what: str, share: int) -> str:
        """Return the subjects of a share: of what waits (`status`), or of who is sent for (`lease`)."""
        return f"{self.fleet}.{what}.{share:02}.>"

    def mark(self, share: int) -> str:
        """Return a subject among the leases of a share that is no device's."""
        return f"{self.fleet}.lease.{share:02}.%"

    def dead(self, number: int) -> str:
        """Return the subject of a letter that PrintOS refused."""
        return f"{self.fleet}.dead.{number}"

    def asked(self, key: str) -> str:
        """Return the subject on which a site asks for a device to be provisioned."""
        return f"{self.fleet}.provision.{key}"

    def answer(self, key: str) -> str:
        """Return the subject of the answer, which is a key of a bucket."""
        return f"$KV.{self.fleet}-devices.{key}"

    @property
    def hello(self) -> str:
        """The subject on which forwarders tell that they are there."""
        return f"{self.fleet}.forwarders"

    @property
    def gone(self) -> str:
        """The subject on which forwarders tell the ids that PrintOS does not know any more."""
        return f"{self.fleet}.gone"

    def stream(self, what: str) -> str:
        """Return the name of a stream: `status`, `lease`, `dead`, `provision`; of the bucket `devices`, too."""
        return f"KV_{self.fleet}-devices" if what == "devices" else f"{self.fleet}-{what}"
