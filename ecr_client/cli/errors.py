"""The message and the exit status for an error."""

from __future__ import annotations

import click

#: Exit statuses; a change of one is a breaking change. docs/guide/command-line.md lists them.
FAILED = 1
USAGE = 2
REFUSED = 3
NO_RESPONSE = 4
CONFIGURATION = 5
FINDINGS = 6
NOT_CONFIRMED = 7

#: What to do about errors of the service, by their codes.
_REMEDIES = {
    "ScanNotFoundException": "; start one with 'ecr scan start'; an index has none of its own, but "
    "the image of each platform, which 'ecr images inspect' lists",
}


class CommandError(Exception):
    """The failure of a command, with the message to print.

    Args:
        message: What failed, and what to do.
        status: The exit status.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: Exception) -> int:
    """Return the exit status for an error."""
    if isinstance(error, CommandError):
        return error.status
    if isinstance(error, click.ClickException):
        return error.exit_code
    from ecr_client import exceptions

    if isinstance(error, exceptions.ImageSourceException) and (cause := _service_error(error)):
        return status_of(cause)
    # The first match counts: some exceptions of the package are ValueErrors, too.
    statuses: tuple[tuple[type[Exception], int], ...] = (
        (exceptions.AmazonServiceException, REFUSED),
        (exceptions.ResponseParseException, REFUSED),
        (exceptions.PartialFailureException, REFUSED),
        (exceptions.WaiterFailureException, REFUSED),
        (exceptions.TransportException, NO_RESPONSE),
        (exceptions.WaiterTimeoutException, NO_RESPONSE),
        (exceptions.NoCredentialsException, CONFIGURATION),
        (exceptions.CredentialRetrievalException, CONFIGURATION),
        (exceptions.InvalidConfigurationException, CONFIGURATION),
        (exceptions.ImageSourceException, FAILED),
        (ValueError, USAGE),
    )
    return next((status for kind, status in statuses if isinstance(error, kind)), FAILED)


def describe(error: Exception) -> str:
    """Return one line that says what failed."""
    return printable(" ".join(_describe(error).split()))


def _describe(error: Exception) -> str:
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else "ecr"
        message = error.format_message().rstrip(".")
        see = " See" if message.endswith("?") else "; see"
        return f"{message}{see} '{path} --help'"
    if isinstance(error, click.ClickException):
        return error.format_message()
    from ecr_client import exceptions

    if isinstance(error, exceptions.ImageSourceException):
        cause = _service_error(error)
        if isinstance(cause, exceptions.AmazonServiceException):
            error = cause
    if isinstance(error, exceptions.AmazonServiceException):
        call = f"{error.operation_name}: " if error.operation_name else ""
        request = f", request id {error.request_id}" if error.request_id else ""
        remedy = _REMEDIES.get(error.error_code, "")
        return f"{call}{error.error_message} ({error.error_code}{request}){remedy}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, (exceptions.AmazonClientException, OSError, ValueError, ImportError)):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error} (a bug: please report it with what --debug prints)"


def _service_error(error: Exception) -> Exception | None:
    """Return why the service did not return an image; None if the image is at fault itself."""
    from ecr_client import exceptions

    kinds = (exceptions.AmazonServiceException, exceptions.PartialFailureException)
    return error.__cause__ if isinstance(error.__cause__, kinds) else None


def printable(text: str) -> str:
    """Return a string without characters that could control a terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
