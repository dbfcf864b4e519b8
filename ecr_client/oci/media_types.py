"""The media types of manifests, configurations and layers that registries and tools agree on.

Each set holds the OCI and the Docker media type of one kind of document.
"""

from __future__ import annotations

from typing import Final

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
#: What an artifact has instead of a configuration, the two bytes ``{}``.
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"

DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
#: Schema 1, which current registries refuse.
DOCKER_SCHEMA_1: Final = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

#: Manifests of one image.
MANIFESTS: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
#: Lists of manifests, one for each platform.
INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
#: Configurations of images that can run, which artifacts do not have.
CONFIGS: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})
