"""Whom to trust in a print shop: whom this machine trusts, or exactly one certificate."""

import hashlib
import re
import ssl
from functools import cache

import httpx

FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class OtherCertificateError(ssl.SSLCertVerificationError):
    """A device shows another certificate than the pinned one: this is its fingerprint."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(1, f"the certificate has the SHA-256 fingerprint {fingerprint}")
        self.fingerprint = fingerprint


def fingerprint_in(text: str) -> str | None:
    """Return a SHA-256 fingerprint as it is compared here, or None if a text is none; browsers show it with colons."""
    plain = re.sub(r"[:\s]", "", text).casefold()
    return plain if FINGERPRINT.fullmatch(plain) else None


@cache
def trusted() -> ssl.SSLContext:
    """Return how a certificate is checked that this machine trusts: read once, because that takes long."""
    return httpx.create_ssl_context()


def pinned(fingerprint: str) -> ssl.SSLContext:
    """Return how one certificate is recognised, whoever signed it and whatever it says; `OtherCertificateError` if not.

    The handshake itself fails, so that nothing is sent to another device, by whatever library it is made.
    """

    class Pinned(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if shown != fingerprint:
                raise OtherCertificateError(shown)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslobject_class = Pinned
    return context
