"""``ecr login`` and ``ecr token``: passwords for docker and its relatives."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import click

from ecr_client.cli.options import Command, Options

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ecr_client import ECRClient

_REGISTRY = click.argument("registry", required=False)


@click.command("login", cls=Command)
@_REGISTRY
@click.option(
    "--print", "prints", is_flag=True, help="Print a config.json with the password instead."
)
@click.pass_obj
def login(options: Options, registry: str | None, prints: bool) -> None:
    """Log docker, podman, skopeo and similar tools in.

    REGISTRY is a host such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com; the default is the
    registry of your account.
    """
    from ecr_client.docker import docker_login, get_docker_credentials

    with _client(options, registry) as client:
        if prints:
            found = get_docker_credentials(client, registry)
            pair = base64.b64encode(f"{found.username}:{found.password}".encode()).decode()
            config = {"auths": {found.registry: {"auth": pair}}}
            options.show(config, lambda: json.dumps(config, indent=4))
            return
        done = docker_login(client, registry)
    document = {
        "registry": done.registry,
        "path": str(done.path),
        "store": done.store,
        "expiresAt": done.expires_at.isoformat(),
    }
    options.show(document, lambda: str(done))


@click.command("token", cls=Command)
@_REGISTRY
@click.pass_obj
def token(options: Options, registry: str | None) -> None:
    r"""Print the password for 'docker login'.

    \b
    Use it with the user name AWS:
      ecr token | docker login --username AWS --password-stdin REGISTRY

    Whoever has the password can use the registry for 12 hours.
    """
    from ecr_client.docker import get_docker_credentials

    with _client(options, registry) as client:
        found = get_docker_credentials(client, registry)
    document = {
        "registry": found.registry,
        "username": found.username,
        "password": found.password,
        "expiresAt": found.expires_at.isoformat(),
    }
    options.show(document, lambda: found.password)


def _client(options: Options, registry: str | None) -> AbstractContextManager[ECRClient]:
    from ecr_client.oci import Registry

    found = None if registry is None else Registry.find(registry)
    return options.client(None if found is None else found.region)
