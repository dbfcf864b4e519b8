"""The OCI distribution specification 1.1 below ``/v2/``: what docker, skopeo, crane and oras speak.

It works on the store that the ECR API works on: what is pushed here the API sees, and the other way
round. Passwords are those of GetAuthorizationToken, and say whose registry a request is about and
who makes it; what it may do in the registry of another account, that one's policies say.

Where ECR is known to differ from the specification, this follows

- ECR in what it refuses: repositories are not made by pushing to them unless a creation template
  says so, blobs cannot be empty and cannot be deleted, a list has at most 1,000 entries and 100 if
  the caller does not say how many, layers are mounted only if the account setting BLOB_MOUNTING is
  ENABLED and both repositories are encrypted in the same way, an image goes with its last tag;
- ECR, too, where tools that work elsewhere break on it: chunks get 201 instead of 202 and a Range
  that stays at the end of the first one, a chunk after one below 5 MiB is refused, GET of a layer
  redirects to its presigned address, an expired password is DENIED with 403 and without a
  challenge, none or a wrong one gets 401 and a line of text. With the server's option
  ``registry_protocol="oci"`` all of these are as the specification says;
- the specification in how other answers look: lists are sorted and continue after a name (ECR:
  unsorted, after a token), manifests that are not well formed are MANIFEST_INVALID (ECR:
  UNSUPPORTED), uploads can be asked for their progress and cancelled.
"""

from __future__ import annotations

from ecr_client.local.distribution.routes import routes

__all__ = ["routes"]
