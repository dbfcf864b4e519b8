"""The errors of the service, and those that prevent the start of the server."""

from __future__ import annotations


class ServiceError(Exception):
    """An error response: a code, a message, and the members that some errors have.

    Args:
        code: The error code, such as ``RepositoryNotFoundException``.
        message: The message for a person.
        status: The HTTP status.
        members: Further members of the body by their wire names; None is omitted.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **members: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members: dict[str, object] = {
            name: value for name, value in members.items() if value is not None
        }


class DataFolderError(Exception):
    """A data folder that cannot be used; the message is one line that says which and why."""


def invalid_parameter(member: str, constraint: str) -> ServiceError:
    """Return the error for an invalid value of a member, worded as by the service."""
    return ServiceError(
        "InvalidParameterException",
        f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'",
    )


def quota_exceeded(account: str, what: str, limit: int) -> ServiceError:
    """Return the error for a registry that has the maximum number of something."""
    return ServiceError(
        "LimitExceededException",
        f"The registry with id '{account}' already has the maximum number of {what}: {limit}",
    )


class ServerStartError(Exception):
    """A server that cannot listen, or cannot use its certificate; the message is one line."""
