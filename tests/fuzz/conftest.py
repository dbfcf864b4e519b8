"""How many examples Hypothesis tries, which CONTRIBUTING.md describes."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The same few examples in every run, so that a run is short and reproducible.
settings.register_profile("short", derandomize=True, max_examples=200)
# Different ones in every run. A failure is printed with the line that reproduces it.
settings.register_profile("long", max_examples=int(os.environ.get("FUZZ_EXAMPLES") or 1))
settings.register_profile(
    "common",
    settings.get_profile("long" if os.environ.get("FUZZ_EXAMPLES") else "short"),
    database=None,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("common")
