"""The hook of tests/conftest.py, run on a suite of its own: a skip that nobody sees is a test that is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = {
    "in the body": "import pytest\ndef test_a(): pytest.skip('why')\n",
    "by mark": "import pytest\n@pytest.mark.skipif(True, reason='why')\ndef test_a(): pass\n",
    "module": "import pytest\npytest.skip('why', allow_module_level=True)\n",
    "missing import": "import pytest\npytest.importorskip('no_such_module_at_all', reason='why')\n",
}


def run(folder: Path, source: str, *, require_all: str) -> subprocess.CompletedProcess[str]:
    conftest = Path(__file__).parent.parent / "conftest.py"
    (folder / "conftest.py").write_text(conftest.read_text())
    (folder / "test_it.py").write_text(source)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "SIGFED_REQUIRE_ALL": require_all},
    )


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_fails_where_everything_is_required(tmp_path: Path, source: str) -> None:
    result = run(tmp_path, source, require_all="1")
    assert result.returncode not in (0, 5), result.stdout
    assert "why" in result.stdout


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    assert run(tmp_path, SKIPS["in the body"], require_all="0").returncode == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.xfail\ndef test_a(): assert 0\n"
    assert run(tmp_path, source, require_all="1").returncode == 0
