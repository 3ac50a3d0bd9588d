# Generated from spec/hp-printos-device-api-openapi.yml by `make regenerate`; do not edit.
"""Contains endpoint functions for accessing the API"""
