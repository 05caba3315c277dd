"""The watches of conftest.py go off: each bad test below fails, each good one passes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent

GOOD = """
import asyncio, logging, threading, pytest

async def test_runs_on_the_loop(io_loop):
    assert asyncio.get_running_loop() is io_loop.asyncio_loop

async def test_a_task_may_end_by_itself():
    asyncio.ensure_future(asyncio.sleep(0))
    await asyncio.get_running_loop().run_in_executor(None, threading.get_ident)

def test_expected_line(expect_log):
    expect_log("lost .* bytes")
    logging.getLogger("a.b").warning("lost %d bytes", 3)

def test_expected_lines_in_a_block(expect_log):
    with expect_log("gone", level="ERROR", logger="a") as expected:
        logging.getLogger("a.b").error("gone 1")
        logging.getLogger("a.b").error("gone 2")
    assert expected.lines == ["gone 1", "gone 2"]

def test_log_may_be_configured():
    logging.basicConfig(force=True, level=logging.DEBUG)

@pytest.mark.needs("sh", "no-such-tool")
def test_needs():
    assert False
"""

BAD = """
import asyncio, logging, os, subprocess, threading, pytest
kept = []

async def test_assertion_in_a_coroutine():
    assert False

def test_unexpected_line():
    logging.getLogger("a").warning("a surprise")

def test_expected_line_of_another_level(expect_log):
    with expect_log("gone"):
        logging.getLogger("a").error("gone")

def test_expected_line_does_not_come(expect_log):
    expect_log("never said")

def test_line_after_the_block(expect_log):
    with expect_log("gone"):
        logging.getLogger("a").warning("gone")
    logging.getLogger("a").warning("gone")

def test_expected_line_of_another_logger(expect_log):
    with expect_log("gone", logger="a.b"):
        logging.getLogger("a.bc").warning("gone")

def test_descriptor():
    os.dup(0)

def test_file_left_to_the_collector():
    class Ring: pass
    ring = Ring()
    ring.itself, ring.file = ring, open(os.devnull)

def test_process():
    kept.append(subprocess.Popen(["sleep", "1000"]))

def test_thread():
    threading.Thread(target=threading.Event().wait, name="left-thread", daemon=True).start()

async def test_task():
    kept.append(asyncio.ensure_future(asyncio.sleep(1000)))

async def test_exception_nobody_asked_for():
    async def fails():
        raise ValueError("nobody looks")
    asyncio.ensure_future(fails())
    await asyncio.sleep(0)
"""

SAID = """
logged, but not expected:*WARNING a: a surprise
no WARNING was logged that matches 'gone'
no WARNING was logged that matches 'never said'
left behind:*descriptor *:
unclosed file
process *
thread left-thread
task *sleep
Task exception was never retrieved*nobody looks
"""


def rig(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    shutil.copy(HERE / "conftest.py", pytester.path)
    shutil.copy(HERE.parent / "setup.cfg", pytester.path)
    pytester.makepyfile(test_it=tests)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", ".", *options)


@pytest.mark.slow
def test_good_tests_pass(pytester: pytest.Pytester) -> None:
    result = rig(pytester, GOOD)
    result.assert_outcomes(passed=5, skipped=1)
    result.stdout.fnmatch_lines(["*not run here*", "test_it.py::test_needs: not installed: no-such-tool"])


@pytest.mark.slow
def test_of_a_long_table_few_rows_are_not_slow(pytester: pytest.Pytester) -> None:
    table = """
import pytest
@pytest.mark.parametrize("number", range(5))
def test_row(number): pass
@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.slow), 1, 2])
def test_other_row(number): pass
"""
    for folder in ("engines", "store"):
        path = pytester.mkpydir("tests") if folder == "engines" else pytester.path / "tests"
        (path / folder).mkdir()
        (path / folder / f"test_{folder}.py").write_text(table)
    result = rig(pytester, GOOD, "-m", "not slow", "-k", "row", "-v", "-p", "no:randomly")
    ran = [line.split("::")[1].split()[0] for line in result.outlines if "PASSED" in line]
    assert ran == [
        "test_row[0]", "test_row[4]", "test_other_row[1]", "test_other_row[2]",
        *(f"test_row[{number}]" for number in range(5)), "test_other_row[1]", "test_other_row[2]",
    ]  # fmt: skip
    rig(pytester, GOOD, "-k", "row").assert_outcomes(passed=16)


@pytest.mark.slow
def test_strict_tools(pytester: pytest.Pytester) -> None:
    result = rig(pytester, GOOD, "--strict-tools", "-k", "needs")
    assert result.ret == 1
    result.stdout.no_fnmatch_line("*not run here*")
    result.stdout.fnmatch_lines(["*not installed: no-such-tool*"])


def test_bad_tests_fail(pytester: pytest.Pytester) -> None:
    result = rig(pytester, BAD, "-p", "no:randomly")
    tests = [line.split("(")[0].split()[-1] for line in BAD.splitlines() if " test_" in line]
    unharmed = [name for name in tests if f"::{name}" not in result.stdout.str()]
    assert not unharmed
    output = result.stdout.str().replace("\n", " ")
    for said in SAID.strip().splitlines():
        assert all(part in output for part in said.split("*")), said
