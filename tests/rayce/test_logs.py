"""Logs: JSON lines, and nothing of anybody in them."""

import subprocess
import sys

import msgspec

PROGRAM = """
import structlog
from rayce.logs import start_logging
{configure}
log = structlog.get_logger()

def answer(user_id, key):
    raise RuntimeError("a bug")

try:
    answer("ada", "0123456789")
except RuntimeError:
    log.exception("request_failed", path="/v1/events")
"""


def said(configure: str) -> str:
    """What the program writes to standard output and standard error."""
    program = PROGRAM.format(configure=configure)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return run.stdout + run.stderr


def test_an_error_is_one_line_of_json_with_its_traceback_and_without_the_values_of_variables() -> None:
    (line,) = said("start_logging()").splitlines()
    event = msgspec.json.decode(line)
    assert (event["event"], event["level"], event["path"]) == ("request_failed", "error", "/v1/events")
    assert "RuntimeError: a bug" in event["exception"] and "in answer" in event["exception"]
    assert "0123456789" not in line and "ada" not in line


def test_control_as_structlog_comes_it_may_tell_the_values() -> None:
    assert "0123456789" in said("structlog.configure(processors=[structlog.dev.ConsoleRenderer()])")
