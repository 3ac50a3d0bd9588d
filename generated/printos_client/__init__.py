# Generated from spec/hp-printos-device-api-openapi.yml by `make regenerate`; do not edit.
"""A client library for accessing HP PrintOS Device API"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
