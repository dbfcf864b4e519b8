"""The retry policy: its values, and where they come from."""

from __future__ import annotations

import pathlib
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import botocore.session
import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.exceptions import InvalidConfigurationException

BAD_COUNTS: list[Any] = [0, -1, 1.0, "3", None, True, float("nan")]
BAD_SECONDS: list[Any] = [-1, -0.001, "1", None, True, float("nan"), float("inf"), 1_000_001]
KEYS = Credentials("AKIDEXAMPLE", "secret")


def policy_of(**arguments: Any) -> RetryPolicy:
    """Return the policy of a client with these arguments."""
    if "session" not in arguments:
        arguments.setdefault("credentials", KEYS)
    with ECRClient(region="eu-west-1", **arguments) as client:
        return client._make_options().retry


@pytest.fixture
def profile(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that writes the default profile; no environment variable is set."""
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    def write(lines: str) -> None:
        (tmp_path / "config").write_text(f"[default]\n{lines}\n")

    return write


def test_defaults() -> None:
    """The defaults are those of AWS's standard mode."""
    policy = RetryPolicy()

    assert (policy.mode, policy.max_attempts) == ("standard", 3)
    assert (policy.base_delay, policy.max_delay) == (1.0, 20.0)
    assert policy.sleep is None
    assert all(0 <= policy.random() <= 1 for _ in range(100))
    assert len({policy.random() for _ in range(100)}) > 90


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("mode", value) for value in ("legacy", "Standard", "", None, 1, ["standard"])),
        *(("max_attempts", value) for value in BAD_COUNTS),
        *(("base_delay", value) for value in BAD_SECONDS),
        *(("max_delay", value) for value in BAD_SECONDS),
        ("sleep", 5),
        ("random", 0.5),
        ("random", None),
    ],
)
def test_bad_values(field: str, value: Any) -> None:
    """A value that has a wrong type, or is out of range, is refused by the name of its field."""
    with pytest.raises(InvalidConfigurationException, match=f"^{field} must be "):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "adaptive", "max_attempts": 1, "base_delay": 0, "max_delay": 0},
        {"max_attempts": 10**9, "base_delay": 3_600, "max_delay": 3_600},
        {"base_delay": 0.25, "max_delay": 1, "sleep": print, "random": lambda: 0.0},
    ],
)
def test_good_values(values: dict[str, Any]) -> None:
    """The bounds of each range are included in it."""
    policy = RetryPolicy(**values)

    assert {name: getattr(policy, name) for name in values} == values


def test_values() -> None:
    """A policy is immutable, and compares by its values, except for its functions."""
    policy = RetryPolicy(max_attempts=5, sleep=print, random=lambda: 0.0)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        policy.max_attempts = 6  # type: ignore[misc]
    with pytest.raises(InvalidConfigurationException):
        attrs.evolve(policy, max_attempts=0)
    assert attrs.evolve(policy, max_delay=5) == RetryPolicy(max_attempts=5, max_delay=5)
    assert policy == RetryPolicy(max_attempts=5)
    assert hash(policy) == hash(RetryPolicy(max_attempts=5))
    assert policy != RetryPolicy(max_attempts=5, mode="adaptive")
    assert repr(policy) == (
        "RetryPolicy(mode='standard', max_attempts=5, base_delay=1.0, max_delay=20.0)"
    )


def test_pickled_policies_draw_differently() -> None:
    """Processes that unpickle the same policy draw different delays."""
    data = pickle.dumps(RetryPolicy())
    here, there = pickle.loads(data), pickle.loads(data)

    assert len(data) < 500
    assert [here.random() for _ in range(5)] != [there.random() for _ in range(5)]


@pytest.mark.parametrize("value", [3, "standard", RetryPolicy, {"max_attempts": 3}])
def test_a_configuration_takes_policies_only(value: Any) -> None:
    """A configuration refuses anything but a policy."""
    with pytest.raises(InvalidConfigurationException, match="retry must be a RetryPolicy or None"):
        ClientConfiguration(retry=value)


@pytest.mark.parametrize(
    ("attempts", "mode", "expected"),
    [
        ("", "", RetryPolicy()),
        ("5", "", RetryPolicy(max_attempts=5)),
        ("007", "legacy", RetryPolicy(max_attempts=7)),
        ("", "adaptive", RetryPolicy(mode="adaptive")),
        ("999999999", "ADAPTIVE", RetryPolicy(mode="adaptive", max_attempts=999_999_999)),
        ("", "Legacy", RetryPolicy()),
    ],
)
def test_environment_and_profile(
    profile: Any, monkeypatch: pytest.MonkeyPatch, attempts: str, mode: str, expected: RetryPolicy
) -> None:
    """Variables and profile are equivalent, and the legacy mode is read as the standard one."""
    written = {"max_attempts": attempts, "retry_mode": mode}
    profile("\n".join(f"{name} = {value}" for name, value in written.items() if value))
    from_profile = policy_of()
    profile("max_attempts = 99\nretry_mode = standard" if attempts and mode else "")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    monkeypatch.setenv("AWS_RETRY_MODE", mode)

    assert from_profile == expected
    assert policy_of() == expected


@pytest.mark.parametrize(
    ("variable", "key", "value"),
    [
        *(
            ("AWS_MAX_ATTEMPTS", "max_attempts", value)
            for value in ("0", "-1", "+3", "1.5", "3 4", "1_000", "9" * 5000, "٣")
        ),
        *(
            ("AWS_RETRY_MODE", "retry_mode", value)
            for value in ("quick", "adaptive,standard", "x" * 5000)
        ),
    ],
)
def test_bad_settings(profile: Any, monkeypatch: Any, variable: str, key: str, value: str) -> None:
    """An invalid setting is refused when the client is made, and the error names its source."""
    profile(f"{key} = {value}" if value.isascii() else "")
    if value.isascii():
        with pytest.raises(InvalidConfigurationException, match=f"^{key} of profile 'default'"):
            policy_of()
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidConfigurationException, match=f"^{variable} must be ") as caught:
        policy_of()

    assert len(str(caught.value)) < 400


def test_arguments_beat_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A given policy is used as it is, in a view too, and the settings it replaces are not read."""
    policy, other = RetryPolicy(base_delay=0.5), RetryPolicy(max_attempts=7)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "quick")
    config = ClientConfiguration(retry=policy)
    with ECRClient(region="eu-west-1", credentials=KEYS, config=config) as client:
        view = client.with_options(retry=other)

        assert client._make_options().retry is policy
        assert view.with_options(timeout=1)._make_options().retry is other


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later changes to the environment have no effect."""
    with ECRClient(region="eu-west-1", credentials=KEYS) as client:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")

        assert client._make_options().retry.max_attempts == 1


def test_session(profile: Callable[[str], None]) -> None:
    """A botocore session supplies its settings, and those that were set in it by hand."""
    # The default of botocore's own mode, which differs between releases, changes nothing.
    assert policy_of(session=botocore.session.Session()) == RetryPolicy()

    profile("max_attempts = 6\nretry_mode = adaptive")
    plain, set_by_hand = botocore.session.Session(), botocore.session.Session()
    set_by_hand.set_config_variable("max_attempts", 8)

    assert policy_of(session=plain) == RetryPolicy(mode="adaptive", max_attempts=6)
    assert policy_of(session=set_by_hand) == RetryPolicy(mode="adaptive", max_attempts=8)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("max_attempts = many", "the session's max_attempts cannot be used"),
        ("max_attempts = 0", "the session's max_attempts must be"),
        ("retry_mode = quick", "the session's retry_mode must be"),
    ],
)
def test_bad_settings_of_a_session(profile: Callable[[str], None], lines: str, text: str) -> None:
    """An invalid setting of a session is refused as the session's."""
    profile(lines)
    with pytest.raises(InvalidConfigurationException, match=text):
        policy_of(session=botocore.session.Session())
