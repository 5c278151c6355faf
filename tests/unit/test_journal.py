"""The journal: one line an event, plain facts only."""

import logging
from collections.abc import Iterator

import pytest

from node.journal import Journal, configure


@pytest.fixture
def _restored() -> Iterator[None]:
    logger = logging.getLogger("sigfed")
    before = (logger.level, list(logger.handlers))
    yield
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


def test_an_event_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="sigfed"):
        journal = Journal("web")
        journal.debug("a", n=1)
        journal.info("b", word="two words", seconds=0.5)
        journal.warning("c", line="x\ny")
        journal.error("d")
    assert [record.getMessage() for record in caplog.records] == [
        "a n=1",
        "b word='two words' seconds=0.5",
        "c line='x\\ny'",
        "d",
    ]


@pytest.mark.threat("a leaking text")
def test_bytes_are_refused_before_they_are_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="sigfed"), pytest.raises(AssertionError, match="plain fact"):
        Journal("web").info("lookup", digest=b"\x01\x02")  # type: ignore[arg-type]  # the mistake
    assert caplog.records == []


@pytest.mark.usefixtures("_restored")
def test_it_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="INFO")
    Journal("run").info("serving", url="https://127.0.0.1:1/")
    Journal("run").debug("not shown")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("INFO sigfed.run serving url=https://127.0.0.1:1/\n")
    assert "not shown" not in err
