"""Who NATS lets in, and over which connection: the options of its client from `[nats]`, files and the environment."""

import os
import ssl
from collections.abc import Mapping
from typing import Any

from printos_ext.agent.configuration import Nats, secret
from printos_ext.errors import ConfigurationError


def options(servers: list[str], access: Nats, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return how to connect: each of `[nats]` that is said, the environment for user and password."""
    user = access.user or environment.get("PRINTOS_NATS_USER")
    password = environment.get("PRINTOS_NATS_PASSWORD")
    if access.password_file:
        password = secret("nats.password_file", access.password_file)
    if bool(user) != bool(password):
        raise ConfigurationError("nats.user and nats.password_file go together: give both, or none")
    said: dict[str, Any] = {"user": user, "password": password, "tls": _tls(access)}
    if access.nkey_file:
        said["nkeys_seed_str"] = secret("nats.nkey_file", access.nkey_file)
    if access.creds_file:
        secret("nats.creds_file", access.creds_file)  # it can be read, and only by who should
        said["user_credentials"] = os.path.expandvars(access.creds_file)
    return {
        **{name: value for name, value in said.items() if value},
        "servers": servers,
        "name": "printos",
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": 0,
        "connect_timeout": 3,
        "flush_timeout": 5,  # without it, who sends waits for ever when a connection ends that was full
    }


def _tls(access: Nats) -> ssl.SSLContext | None:
    """Return whom to trust, and as whom to come; None if nothing is said of it."""
    if not (access.ca_file or access.cert_file):
        return None
    ca, cert, key = (name and os.path.expandvars(name) for name in (access.ca_file, access.cert_file, access.key_file))
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert:
            context.load_cert_chain(cert, key)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        told = f"nats.ca_file {ca}, nats.cert_file {cert} and nats.key_file {key} cannot be used: {error}"
        raise ConfigurationError(told) from None
    return context
