"""What a script learns from the exit status, and a person from one line."""

OK, ERROR, USAGE, AUTH, SERVER, NO_ANSWER, INTERRUPTED = 0, 1, 2, 4, 5, 6, 130

MEANINGS = {
    OK: "done",
    ERROR: "refused, or not found",
    USAGE: "not said right",
    AUTH: "the credentials were not taken",
    SERVER: "the server failed, or asks for a pause",
    NO_ANSWER: "no connection, or no answer in time",
    INTERRUPTED: "interrupted",
}


def status_of(error: Exception) -> int | None:
    """Return the exit status for an error of the SDK; there is none for what is no such error."""
    from printos_ext import errors  # noqa: PLC0415 - it brings httpx, which `printos --version` can do without

    table: tuple[tuple[type[Exception], int], ...] = (
        (errors.AuthenticationError, AUTH),
        (errors.PermissionDeniedError, AUTH),
        (errors.RateLimitError, SERVER),
        (errors.InternalServerError, SERVER),
        (errors.APIResponseValidationError, SERVER),
        (errors.APIConnectionError, NO_ANSWER),
        (errors.InvalidArgumentError, USAGE),
        (errors.ConfigurationError, USAGE),
        (errors.PrintOSError, ERROR),
    )
    return next((status for kind, status in table if isinstance(error, kind)), None)
