"""Every exception that ``ecr_client`` raises, importable and catchable by name.

AmazonClientException                         everything below
├── AmazonServiceException                    the service sent an error; also a ClientError
│   └── AmazonECRException                    ... Amazon ECR did; unknown codes are exactly this
│       ├── RepositoryNotFoundException, ...  each error that the model names
│       ├── ThrottlingException               the account exceeds its rate limit
│       ├── AccessDeniedException             the policies do not allow this call
│       ├── ExpiredTokenException             temporary credentials have expired
│       ├── InvalidSignatureException         wrong secret key, wrong clock, altered request
│       ├── UnrecognizedClientException       unknown access key or token
│       └── ...                               other common errors of AWS
├── ParamValidationException (ValueError)     the request cannot be sent
├── InvalidConfigurationException (ValueError)
├── InvalidEndpointException (ValueError)
├── InvalidRegionException (ValueError)
├── NoCredentialsException                    none were found
├── CredentialRetrievalException              retrieving or refreshing them failed
├── ClientShutdownException (RuntimeError)
├── TransportException (ConnectionError)      no response arrived
│   ├── EndpointConnectionException           no connection could be established
│   │   └── NameResolutionException           the host name is wrong, or DNS does not work
│   ├── ConnectTimeoutException (TimeoutError)
│   ├── ReadTimeoutException (TimeoutError)
│   ├── TotalTimeoutException (TimeoutError)
│   ├── ConnectionClosedException             the connection broke
│   ├── ProxyConnectionException
│   ├── TLSException
│   └── LayerDownloadException                the storage did not return a layer
│       └── LayerVerificationException        the downloaded content is not the layer
├── ResponseParseException                    the response does not fit the operation
├── PaginationException                       the service returned a page token twice
├── ImageSourceException (ValueError)         an image to be transferred is malformed or corrupt
├── TransferCancelledException                a transfer was cancelled
├── PartialFailureException                   a batch call failed for some items
└── WaiterException
    ├── WaiterTimeoutException (TimeoutError)
    └── WaiterFailureException
"""

from __future__ import annotations

import ecr_client._exceptions as _exceptions
import ecr_client._unmodeled as _unmodeled
from ecr_client._exceptions import *  # noqa: F403
from ecr_client._generated import exceptions as _generated
from ecr_client._generated.exceptions import *  # noqa: F403
from ecr_client._unmodeled import *  # noqa: F403

__all__: list[str] = []
__all__ += _exceptions.__all__
__all__ += _generated.__all__
__all__ += _unmodeled.__all__
