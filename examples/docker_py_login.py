"""Log docker-py in, so that it can push to the registry and pull from it.

    python -m pip install docker
    python examples/docker_py_login.py

The password stays in this process; no configuration file is written. ``docker_login`` of
``ecr_client.docker`` writes it for the command ``docker`` and other tools.

Permissions: ecr:GetAuthorizationToken
"""

import docker

from ecr_client import ECRClient
from ecr_client.docker import DockerCredentials, get_docker_credentials


def main(client: ECRClient, engine: docker.DockerClient) -> DockerCredentials:
    """Log a client of the Docker daemon in to the registry of the account."""
    credentials = get_docker_credentials(client)
    engine.login(
        username=credentials.username,
        password=credentials.password,
        registry=credentials.registry,
        # Otherwise docker-py keeps an expired password: the user name is always the same.
        reauth=True,
    )
    print(f"logged in to {credentials.registry} until {credentials.expires_at:%H:%M %Z}")
    return credentials


if __name__ == "__main__":
    with ECRClient() as client:
        main(client, docker.from_env())
