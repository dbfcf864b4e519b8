"""What the local ECR answers when it refuses, and what keeps it from starting."""

from __future__ import annotations


class ServiceError(Exception):
    """An answer that is an error: a code, a text, and the members that some errors carry.

    Args:
        code: The error code, such as ``RepositoryNotFoundException``.
        message: The text for a person.
        status: The HTTP status of the answer.
        members: Further members of the error's body by their wire names; None is left out.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **members: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = {name: value for name, value in members.items() if value is not None}


class DataFolderError(Exception):
    """A data folder that cannot be used; the text is one line that says which and why."""


def invalid_parameter(member: str, constraint: str) -> ServiceError:
    """Give the error for a member whose value is not allowed, worded as the service words it."""
    return ServiceError(
        "InvalidParameterException",
        f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'",
    )


class ServerStartError(Exception):
    """A server that cannot listen where it was told to; the text is one line."""
