"""Log events: one JSON object a line, with level, time and, after an error, its traceback without the values of variables.

Those values are people's ids and the keys of pseudonyms: they never get into a log.
"""

import sys

import structlog


def start_logging() -> None:
    """Called once by whoever hosts a program: an actor, a replica."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
