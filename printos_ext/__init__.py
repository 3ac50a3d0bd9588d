"""Conveniences written by hand around the generated client, `printos_client`."""

__version__ = "0.1.0"
