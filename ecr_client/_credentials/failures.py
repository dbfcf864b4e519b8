"""Error messages for sources of credentials that failed, loaded on the first failure.

botocore's exceptions seldom name the file, profile, command and host involved, and some quote the
output of a process or the body of a response, which may contain keys. The messages are therefore
composed here from the exception, the shared files, and the local variables of the botocore
functions in the traceback. They contain names, paths, hosts, codes and error messages of STS or
SSO, but never a key, a token, the output of a process, or the path of a URL.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ecr_client._common.display import one_line, redact_url
from ecr_client._common.redact import chain
from ecr_client._config_files import described, malformed, missing_profile
from ecr_client._credentials.hosts import shown_origin, unreachable
from ecr_client._exceptions import AmazonClientException
from ecr_client._settings import PROFILE_VARIABLES, config_file_paths
from ecr_client._unavailable import unavailable, unreadable_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The maximum length of an error message of STS or SSO.
LONGEST = 500
CONTAINER_HOST = "http://169.254.170.2"
_CONTAINER_URL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_CONTAINER_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
_SOURCES = "Environment, Ec2InstanceMetadata or EcsContainer"
#: botocore's names of sources, and ours.
_METHODS = {
    "custom-process": "credential_process",
    "sso": "SSO",
    "container-role": "the container's endpoint",
    "iam-role": "the metadata of the EC2 instance",
    "login": "the login session",
    "env": "the environment",
}
#: botocore's functions that parse expiry times.
_READ_EXPIRY = ("_expiry_datetime", "_parse_if_needed", "_set_from_data", "refresh_needed")
#: Remedies by error code of STS.
_REMEDIES = {
    "AccessDenied": "allow sts:AssumeRole in the policy of the principal and of the role",
    "ExpiredToken": "refresh the keys that the role is assumed with",
    "ExpiredTokenException": "refresh the token that the role is assumed with",
    "InvalidClientTokenId": "correct the keys that the role is assumed with",
    "InvalidIdentityToken": "use a token issued by a provider that the role trusts",
    "SignatureDoesNotMatch": "correct the keys that the role is assumed with",
}
_QUOTING = (
    botocore_errors.ConfigParseError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.HTTPClientError,
    botocore_errors.InvalidConfigError,
    botocore_errors.MetadataRetrievalError,
    botocore_errors.ParamValidationError,
    botocore_errors.ProxyConnectionError,
    ResponseParserError,
    JSONDecodeError,
    UnicodeDecodeError,
)


class Failure:
    """The facts about a failure: the exception, the environment, the shared files.

    Args:
        profile: The profile that was used, ``None`` for that of the environment.
        environ: The environment variables.
        error: The exception, if there is one.
        outside: The exception that was being handled before, which is not a cause of this one.
    """

    def __init__(
        self,
        profile: str | None,
        environ: Mapping[str, str],
        error: BaseException | None = None,
        outside: BaseException | None = None,
    ) -> None:
        self.error = Exception() if error is None else error
        self.outside = outside
        self.environ = environ
        variable = next(filter(environ.get, PROFILE_VARIABLES), "")
        self.profile = profile or environ.get(variable) or "default"
        self.source = "the profile argument" if profile else variable or "botocore"
        self.paths = config_file_paths(environ)
        self.contents, self.files = _read(self.paths)
        self.profiles: Mapping[str, Any] = self.contents["profiles"]

    @property
    def base(self) -> str:
        """The profile that provides the keys: the end of the chain of ``source_profile``."""
        name, seen = self.profile, set[str]()
        while name not in seen:
            seen.add(name)
            following = self.setting(name, "source_profile")
            if following is None or "role_arn" not in self.section(name):
                break
            name = following
        return name

    def section(self, name: str) -> Mapping[str, Any]:
        """Return the settings of a profile."""
        found: Mapping[str, Any] = self.profiles.get(name, {})
        return found

    def setting(self, name: str, key: str) -> str | None:
        """Return a setting of a profile, unless it is a block of indented lines."""
        value = self.section(name).get(key)
        return value if isinstance(value, str) else None

    def place(self, name: str, key: str) -> str:
        """Return the name of a profile, and the file that contains one of its settings."""
        return f"profile {name!r} in {self.files.get((name, key)) or ' or '.join(self.paths)}"

    def variables(self, function: str) -> Mapping[str, Any] | None:
        """Return the local variables of a botocore function in the traceback.

        Args:
            function: Its name. Of several calls, the innermost counts.
        """
        found: Mapping[str, Any] | None = None
        for each in chain(self.error, self.outside):
            trace = each.__traceback__
            while trace is not None:
                frame = trace.tb_frame
                module = str(frame.f_globals.get("__name__"))
                if frame.f_code.co_name == function and module.startswith("botocore."):
                    found = frame.f_locals
                trace = trace.tb_next
        return found

    def owner(self, function: str) -> Any:
        """Return the object whose botocore method is in the traceback."""
        return (self.variables(function) or {}).get("self")

    @property
    def role(self) -> str | None:
        """A description of the role to assume, or ``None``."""
        arn = getattr(self.owner("_get_credentials"), "_role_arn", None)
        if arn is None:
            return None
        own = "role_arn" in self.section(self.profile)
        of = f" of profile {self.profile!r}" if own else ""
        return f"role {arn}{of}" if isinstance(arn, str) else f"the role{of}"


def _read(paths: tuple[str, str]) -> tuple[dict[str, Any], dict[tuple[str, str], str]]:
    """Return the readable contents of the shared files, and the file of each setting."""
    from botocore.configloader import build_profile_map, raw_config_parse

    contents: dict[str, Any] = {"profiles": {}}
    files: dict[tuple[str, str], str] = {}
    for path, is_config in zip(paths, (True, False), strict=True):
        try:
            parsed = raw_config_parse(path)
        except (BotoCoreError, OSError):
            continue
        if is_config:
            contents = build_profile_map(parsed)
        profiles = contents["profiles"] if is_config else parsed
        for name, section in profiles.items():
            if not is_config:
                contents["profiles"].setdefault(name, {}).update(section)
            files.update({(name, key): path for key in section})
    return contents, files


def explain(
    error: Exception,
    outside: BaseException | None,
    profile: str | None,
    environ: Mapping[str, str],
) -> str:
    """Return what failed and what to do about it.

    Args:
        error: The exception.
        outside: The exception that was being handled before, which is not a cause of this one.
        profile: The profile that was used, ``None`` for that of the environment.
        environ: The environment variables.
    """
    name = type(error).__name__
    if isinstance(error, AmazonClientException):
        return f"{error} ({name})"
    failure = Failure(profile, environ, error, outside)
    for explanation in _EXPLANATIONS:
        # Internals of another botocore may differ, which must not hide the failure.
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            text = explanation(failure)
            if text is not None:
                return f"{text} ({name})"
    known = isinstance(error, (BotoCoreError, ClientError)) and not quotes(error, outside)
    return f"{one_line(str(error), LONGEST)} ({name})" if known else name


def quotes(error: BaseException, outside: BaseException | None) -> bool:
    """Return whether an exception may quote a file, the output of a process, or a response.

    Args:
        error: The exception.
        outside: As in `explain`.
    """
    return any(
        isinstance(each, _QUOTING) or type(each).__module__.startswith("dateutil.")
        for each in chain(error, outside)
    )


# --- files and settings -------------------------------------------------------------------------


def _files(failure: Failure) -> str | None:
    error = failure.error
    if isinstance(error, ImportError):
        return str(unavailable("botocore", error))
    if isinstance(error, botocore_errors.DataNotFoundError):
        return str(unreadable_data(str(error.kwargs.get("data_path", "")), error))
    if isinstance(error, botocore_errors.ConfigParseError):
        return malformed(error)
    if isinstance(error, botocore_errors.ProfileNotFound):
        name = str(error.kwargs.get("profile"))
        return missing_profile(
            name, failure.source, failure.profiles, failure.contents, failure.paths
        )
    if isinstance(error, botocore_errors.ConfigNotFound):
        return f"{error} Correct AWS_CREDENTIAL_FILE"
    if isinstance(error, botocore_errors.PartialCredentialsError):
        return _partial(failure, error.kwargs["provider"], error.kwargs["cred_var"])
    setting = failure.variables("get_config_variable")
    if setting is not None and isinstance(error, ValueError):
        name = str(setting.get("logical_name"))
        return f"the setting {name} (AWS_{name.upper()}, or {name} of the profile) is invalid"
    if isinstance(error, OSError) and isinstance(error.filename, str):
        if failure.variables("_retrieve_credentials_using") is not None:
            return None
        return (
            f"cannot read {error.filename}: {error.strerror}; correct "
            f"{_setting_of(failure, error.filename)}"
        )
    return None


def _setting_of(failure: Failure, path: str) -> str:
    """Return the setting that names a file."""
    for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", f"{_CONTAINER_TOKEN}_FILE"):
        if failure.environ.get(name) == path:
            return name
    key = "web_identity_token_file"
    if failure.section(failure.base).get(key) == path:
        return f"{key} of {failure.place(failure.base, key)}"
    return "the path, or its permissions"


def _partial(failure: Failure, provider: str, missing: str) -> str:
    if provider == "env":
        return f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must both be set; {missing} is not"
    name = failure.base
    if provider == "assume-role":
        place = failure.place(name, "role_arn")
        return f"{place} has a role_arn, but no {missing}; add one of them"
    if provider == "boto-config":
        return f"the boto configuration (BOTO_CONFIG, /etc/boto.cfg, ~/.boto) has no {missing}"
    return f"{failure.place(name, 'aws_access_key_id')} has no {missing}; add it"


# --- processes ----------------------------------------------------------------------------------


def _process(failure: Failure) -> str | None:
    variables = failure.variables("_retrieve_credentials_using")
    if variables is None:
        return None
    name = getattr(variables.get("self"), "_profile_name", failure.base)
    setting = f"credential_process of {failure.place(name, 'credential_process')}"
    try:
        # Arguments may be passwords, and so may values of variables.
        program = shlex.split(variables["credential_process"])[0].partition("=")[0]
    except (AttributeError, IndexError, TypeError, ValueError):
        return f"{setting} must be a command, got an empty one or an unclosed quotation"
    code = getattr(variables.get("p"), "returncode", None)
    if code is None:
        problem = getattr(failure.error, "strerror", None) or type(failure.error).__name__
        return (
            f"{setting} cannot run {program!r}: {problem}; name an existing program, which runs "
            "without a shell"
        )
    if code:
        return (
            f"{setting}: {program!r} failed with exit code {code}; run it in a terminal to see "
            "why: its output may be secret, and is not shown"
        )
    parsed = variables.get("parsed")
    if not isinstance(parsed, dict):
        problem = "something that is not a JSON object"
    elif parsed.get("Version") != 1:
        problem = 'no "Version": 1'
    else:
        keys = ("AccessKeyId", "SecretAccessKey")
        problem = f"no {' and no '.join(key for key in keys if key not in parsed)}"
    return f"{setting}: {program!r} printed {problem}"


def _expiry(failure: Failure) -> str | None:
    """Explain keys that have expired, or whose expiry time is malformed."""
    credentials = failure.owner("_protected_refresh") or failure.owner("refresh_needed")
    method = getattr(credentials, "method", None)
    method = method or (failure.variables("create_from_metadata") or {}).get("method")
    source = _METHODS.get(str(method), "their source")
    if method == "custom-process":
        source += f" of {failure.place(failure.base, 'credential_process')}"
    if isinstance(failure.error, RuntimeError) and str(failure.error).endswith("still expired."):
        return f"the keys from {source} have expired, even after a refresh; renew them there"
    is_bad = isinstance(failure.error, (TypeError, ValueError, OverflowError))
    if is_bad and any(failure.variables(each) is not None for each in _READ_EXPIRY):
        return (
            f"the expiry time of the keys from {source} is malformed; it must be like "
            "2030-01-01T00:00:00Z, with a time zone"
        )
    return None


# --- SSO and login sessions ---------------------------------------------------------------------


def _sso(failure: Failure) -> str | None:
    error, name = failure.error, failure.base
    session = failure.setting(name, "sso_session")
    option = f"--sso-session {session}" if session else f"--profile {name}"
    place = failure.place(name, "sso_role_name")
    login = f"run 'aws sso login {option}'"
    if isinstance(error, botocore_errors.InvalidConfigError) and (
        failure.variables("_load_sso_config") is not None
    ):
        # Not its message, which quotes both values.
        differing = re.match(r"The value for (\w+) is inconsistent", str(error))
        if differing:
            return f"{place} and its sso-session {session!r} differ in the value of {differing[1]}"
        return (
            f"{error}; see {place} and its section [sso-session ...] in {failure.paths[0]}, which "
            "'aws configure sso' writes"
        )
    if isinstance(
        error, (botocore_errors.UnauthorizedSSOTokenError, botocore_errors.TokenRetrievalError)
    ):
        return f"the SSO session of {place} has expired; {login}"
    fetcher = failure.owner("_get_credentials")
    if type(fetcher).__name__ != "SSOCredentialFetcher":
        return None
    if isinstance(error, ClientError):
        role, account = (failure.setting(name, f"sso_{key}") for key in ("role_name", "account_id"))
        return f"SSO refused role {role!r} of account {account!r} to {place}: {_refusal(error)}"
    has_token = "kwargs" in (failure.variables("_get_credentials") or {})
    bad_token = (botocore_errors.SSOTokenLoadError, KeyError, TypeError, ValueError)
    if isinstance(error, bad_token) and not has_token:
        return f"~/.aws/sso/cache has no usable SSO token for {place}; {login}"
    return None


def _login(failure: Failure) -> str | None:
    place = failure.place(failure.base, "login_session")
    if isinstance(failure.error, botocore_errors.MissingDependencyException):
        return f"{place}: {failure.error}"
    owner = failure.owner("load_cached_credentials") or failure.owner("refresh_credentials")
    if owner is None:
        return None
    return f"the login session of {place} cannot be used; run 'aws login --profile {failure.base}'"


# --- containers and instances -------------------------------------------------------------------


def _container(failure: Failure) -> str | None:
    if failure.variables("fetch_creds") is None:
        return None
    url = failure.environ.get(_CONTAINER_URL)
    if "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in failure.environ or not url:
        url = CONTAINER_HOST
    text, origin = str(failure.error), shown_origin(url)
    if text.startswith("Unsupported host"):
        return (
            f"{_CONTAINER_URL} has the host {urlsplit(url).hostname!r}; it must begin with "
            "https://, or be a loopback address or the address that ECS or EKS sets"
        )
    if text.startswith("Auth token"):
        return f"{_CONTAINER_TOKEN}, or the file {_CONTAINER_TOKEN}_FILE, contains a line break"
    response = (failure.variables("_get_response") or {}).get("response")
    status = getattr(response, "status_code", None)
    if isinstance(failure.error, KeyError):
        problem = f"the response of {origin} has no {failure.error.args[0]}"
    elif status == 200 or isinstance(failure.error, (AttributeError, TypeError)):
        problem = f"the response of {origin} is not a JSON object with keys"
    elif status is not None:
        problem = f"{origin} responded with status {status}"
    else:
        problem = unreachable(failure.error, url) or f"{origin} did not respond"
    return (
        f"the container's credentials: {problem}; check {_CONTAINER_URL} or "
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, and the role of the task or pod"
    )


def _instance(failure: Failure) -> str | None:
    error = failure.error
    if isinstance(error, botocore_errors.InvalidIMDSEndpointError):
        endpoint = redact_url(str(error.kwargs.get("endpoint")))
        return f"AWS_EC2_METADATA_SERVICE_ENDPOINT must be a URL, got {endpoint!r}"
    if failure.owner("retrieve_iam_role_credentials") is None:
        return None
    if isinstance(error, botocore_errors.MetadataRetrievalError):
        return (
            "the metadata of the EC2 instance returned no token, and AWS_EC2_METADATA_V1_DISABLED "
            "forbids requests without one; raise the hop limit of the instance, or remove the "
            "setting"
        )
    return f"the metadata of the EC2 instance: {unreachable(error) or 'unreadable response'}"


# --- roles --------------------------------------------------------------------------------------


def _roles(failure: Failure) -> str | None:
    error = failure.error
    if isinstance(error, botocore_errors.RefreshWithMFAUnsupportedError):
        return f"{error} Create a new client, which asks for a new code"
    fetcher = failure.owner("_get_credentials")
    if failure.variables("_assume_role_kwargs") is not None and isinstance(error, EOFError):
        serial = fetcher._assume_kwargs.get("SerialNumber")
        return (
            f"{failure.role} needs a code from the MFA device {serial}, and there is no terminal "
            "to ask on; get temporary keys first, for example with 'aws sts get-session-token'"
        )
    if isinstance(error, ClientError) and failure.role is not None:
        remedy = _REMEDIES.get(error.response.get("Error", {}).get("Code", ""))
        text = f"STS refused {failure.role}: {_refusal(error)}"
        return f"{text}; {remedy}" if remedy else text
    if isinstance(error, botocore_errors.CredentialRetrievalError) and (
        failure.variables("_resolve_credentials_from_source") is not None
    ):
        place = failure.place(failure.base, "credential_source")
        return (
            f"the credential_source {error.kwargs.get('provider')!r} of {place} has no credentials"
        )
    if not isinstance(error, botocore_errors.InvalidConfigError):
        return None
    if "no role ARN" in str(error):
        return (
            "there is a web identity token, but no role for it; set AWS_ROLE_ARN, or role_arn of "
            f"{failure.place(failure.base, 'web_identity_token_file')}"
        )
    if failure.variables("_validate_credential_source") is not None:
        return f"{error} Use {_SOURCES}"
    missing = re.match(
        r'The source_profile "(.*)" referenced in the profile "(.*)" does', str(error)
    )
    if missing:
        source = f"source_profile of {failure.place(missing[2], 'source_profile')}"
        return missing_profile(
            missing[1], source, failure.profiles, failure.contents, failure.paths
        )
    return f"{error} See {' and '.join(failure.paths)}"


def _refusal(error: ClientError) -> str:
    """Return the code and the message of an error of STS or SSO."""
    content = error.response.get("Error", {})
    return one_line(f"{content.get('Code')}: {content.get('Message')}", LONGEST)


# --- the network --------------------------------------------------------------------------------


def _network(failure: Failure) -> str | None:
    error = failure.error
    variables = failure.variables("_get_credentials") or {}
    what = failure.role or f"profile {failure.base!r}"
    if isinstance(error, botocore_errors.ParamValidationError):
        names = ", ".join(sorted(set(re.findall(r"parameter (\w+)", str(error)))))
        return f"{what}: the values of {names} are invalid for STS or SSO; correct them"
    url = getattr(getattr(variables.get("client"), "meta", None), "endpoint_url", "")
    if isinstance(error, (KeyError, ResponseParserError, TypeError)) and url:
        return (
            f"{what}: the response of {shown_origin(url)} was not sent by STS or SSO; a proxy or a "
            "captive portal may have sent it"
        )
    problem = unreachable(error, url)
    return None if problem is None else f"{what}: {problem}"


# --- nothing found ------------------------------------------------------------------------------


def not_found(profile: str | None, environ: Mapping[str, str], instance: str) -> str:
    """Return the error message if no source has any credentials.

    Args:
        profile: The profile that was used, ``None`` for that of the environment.
        environ: The environment variables.
        instance: The outcome of the last request for instance metadata.
    """
    failure = Failure(profile, environ)
    variables = "" if profile else "the environment variables AWS_ACCESS_KEY_ID and others"
    if not profile and environ.get("AWS_SECRET_ACCESS_KEY"):
        variables += " (AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not)"
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        instance = "not queried, because of AWS_EC2_METADATA_DISABLED"
    name, key = failure.profile, "aws_secret_access_key"
    half = f" ({key} is set, but aws_access_key_id is not)" if (name, key) in failure.files else ""
    places = [
        *filter(None, [variables]),
        f"profile {name!r} in {' and '.join(map(described, reversed(failure.paths)))} "
        f"(keys, SSO, assumed role, process){half}",
        "the container (AWS_CONTAINER_CREDENTIALS_...)",
        f"the metadata of the EC2 instance{f' ({instance})' if instance else ''}",
    ]
    return (
        f"No AWS credentials were found. Searched: {'; '.join(places)}. "
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, configure a profile with "
        "'aws configure' or 'aws configure sso', or pass credentials=Credentials(...)."
    )


_EXPLANATIONS: tuple[Callable[[Failure], str | None], ...] = (
    _files,
    _process,
    _expiry,
    _container,
    _instance,
    _sso,
    _login,
    _roles,
    _network,
)
