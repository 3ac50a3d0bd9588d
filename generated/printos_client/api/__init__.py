# Generated from spec/hp-printos-device-api-openapi.yml by `make regenerate`; do not edit.
"""Contains methods for accessing the API"""
