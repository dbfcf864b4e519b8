"""The OCI distribution specification 1.1 below ``/v2/``: what docker, skopeo, crane and oras speak.

It works on the same store as the ECR API: what is pushed here is visible there, and vice versa.
Passwords are those of GetAuthorizationToken. They name the registry that a request is about and the
principal that makes it; in the registry of another account, that account's policies decide.

Where ECR is known to differ from the specification, this follows

- ECR in what it refuses: a push does not create a repository unless a creation template says so,
  blobs cannot be empty and cannot be deleted, a list has at most 1,000 entries and 100 by default,
  layers are mounted only if the account setting BLOB_MOUNTING is ENABLED and both repositories are
  encrypted in the same way, an image is deleted with its last tag;
- ECR, too, where tools that work elsewhere break on it: chunks get 201 instead of 202 and a Range
  that stays at the end of the first one, a chunk after one below 5 MiB is refused, GET of a layer
  redirects to its presigned URL, an expired password is DENIED with 403 and without a challenge, a
  missing or wrong one gets 401 and plain text. With the server's option ``registry_protocol="oci"``
  all of these are as the specification says;
- the specification in the form of other responses: lists are sorted and continue after a name (ECR:
  unsorted, after a token), malformed manifests are MANIFEST_INVALID (ECR: UNSUPPORTED), uploads can
  be asked for their progress and cancelled.

`routes.ROUTES` has the handlers.
"""

from __future__ import annotations

from ecr_client.local.distribution.routes import routes

__all__ = ["routes"]
