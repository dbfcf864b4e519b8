"""Docker's passwords for Amazon ECR: for programs, for configuration files, and as a helper.

`get_docker_credentials` returns user name and password, `docker_login` writes them where docker,
podman, skopeo and similar tools look for them, and the command ``docker-credential-ecr-client``
provides them whenever one of these asks. Each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.docker.credentials import DockerCredentials, get_docker_credentials
    from ecr_client.docker.login import DockerLogin, docker_login

_MODULE_OF = {
    "DockerCredentials": "credentials",
    "DockerLogin": "login",
    "docker_login": "login",
    "get_docker_credentials": "credentials",
}

__all__ = ["DockerCredentials", "DockerLogin", "docker_login", "get_docker_credentials"]


if not TYPE_CHECKING:
    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    def __getattr__(name: str) -> Any:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
