"""The vocabulary of container images: digests, descriptors, manifests, references and layouts.

Everything here is data, as the OCI image specification and Docker define it; nothing calls the
service. Malformed data raises a `ValueError` whose message says what is wrong and where.

https://github.com/opencontainers/image-spec
"""

from ecr_client.oci.descriptor import Descriptor, Platform
from ecr_client.oci.digest import Digest
from ecr_client.oci.layout import Layout, LayoutArchive
from ecr_client.oci.manifest import Index, Manifest, parse_manifest
from ecr_client.oci.reference import Reference, Registry

__all__ = [
    "Descriptor",
    "Digest",
    "Index",
    "Layout",
    "LayoutArchive",
    "Manifest",
    "Platform",
    "Reference",
    "Registry",
    "parse_manifest",
]
