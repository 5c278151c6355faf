"""How the whole suite runs: how many examples, what the plain one leaves out, no silent skips where all is there."""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from support.sizes import THOROUGH, size

REQUIRE_ALL = os.environ.get("SIGFED_REQUIRE_ALL") == "1"
"""Set where every program a test can want is installed: there a skip is a failure, and examples never change."""

settings.register_profile(
    "suite",
    max_examples=size(quick=50, thorough=2000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=REQUIRE_ALL,
    print_blob=REQUIRE_ALL,
)
settings.load_profile("suite")

# A shell that runs the suite in the background lets it ignore Ctrl-C, and every child with it; tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The plain command leaves out what is marked slow; who names files or marks gets it, and so does `.ci/run`.

    Where it is not left out it begins the run: a worker gets a file at a time, for many tell a story, and the longest
    must not be what all wait for in the end.
    """
    slow_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow_files)
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if not whole or REQUIRE_ALL or THOROUGH or config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if item not in set(slow)]
    config.hook.pytest_deselected(items=slow)


pytest_plugins = [
    "support.closed_stores",
    "support.collected_once",
    "support.compiled_once",
    "support.machine",
    "support.programs",
    "support.source_order",
]


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not REQUIRE_ALL or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"SIGFED_REQUIRE_ALL=1 and this was skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report
