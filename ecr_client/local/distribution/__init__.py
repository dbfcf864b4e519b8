"""The OCI distribution specification 1.1 below ``/v2/``: what docker, skopeo, crane and oras speak.

It works on the store that the ECR API works on: what is pushed here the API sees, and the other way
round. Passwords are those of GetAuthorizationToken, and say whose registry a request is about and
who makes it; what it may do in the registry of another account, that one's policies say.

Where ECR is known to differ from the specification, this follows

- ECR in what it refuses: repositories are not made by pushing to them unless a creation template
  says so, blobs cannot be empty and cannot be deleted, a list has at most 1,000 entries and 100 if
  the caller does not say how many, layers are mounted only if the account setting BLOB_MOUNTING is
  ENABLED and both repositories are encrypted in the same way, an image goes with its last tag;
- the specification in how answers look: chunks are answered with 202 (ECR: 201), lists are sorted
  and continue after a name (ECR: unsorted, after a token), manifests that are not well formed are
  MANIFEST_INVALID (ECR: UNSUPPORTED), uploads can be asked for their progress and cancelled.

Layers are sent in the answer itself, without the redirect to a storage service that ECR uses.
"""

from __future__ import annotations

from ecr_client.local.distribution.routes import routes

__all__ = ["routes"]
