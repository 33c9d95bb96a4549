"""Can an engineer find out from the log what went wrong, in development and elsewhere?"""

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog

from config.logs import logging_config


@pytest.fixture
def formatter(request: pytest.FixtureRequest) -> logging.Formatter:
    """What turns a record into a line."""
    described = logging_config("INFO", readable=request.param)["formatters"]["structured"]
    return structlog.stdlib.ProcessorFormatter(
        processors=described["processors"], foreign_pre_chain=described["foreign_pre_chain"]
    )


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """What is logged meanwhile."""
    kept: list[logging.LogRecord] = []
    logger = logging.getLogger("tests.logs")
    handler = logging.Handler()
    handler.emit = kept.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    yield kept
    logger.removeHandler(handler)


def fail() -> None:
    """Log the same fault in the three ways the project and its libraries have."""
    try:
        raise ZeroDivisionError("no tools")
    except ZeroDivisionError as error:
        structlog.get_logger("tests.logs").error("by the project", exc_info=error)
        logging.getLogger("tests.logs").exception("by a library")
        logging.getLogger("tests.logs").error("by Django", exc_info=(type(error), error, error.__traceback__))


@pytest.mark.parametrize("formatter", [True, False], ids=["readable", "json"], indirect=True)
def test_an_error_is_logged_with_where_it_happened(
    formatter: logging.Formatter, records: list[logging.LogRecord]
) -> None:
    fail()
    lines = [formatter.format(record) for record in records]
    assert len(lines) == 3
    for line in lines:
        assert "ZeroDivisionError: no tools" in line
        assert "in fail" in line


@pytest.mark.parametrize("formatter", [False], indirect=True)
def test_a_line_elsewhere_is_json_with_its_facts(
    formatter: logging.Formatter, records: list[logging.LogRecord]
) -> None:
    structlog.get_logger("tests.logs").warning("event_failed", event_id=7, kind="shop.order_submitted")
    line = json.loads(formatter.format(records[0]))
    assert (line["event"], line["event_id"], line["kind"]) == ("event_failed", 7, "shop.order_submitted")
    assert (line["level"], line["logger"]) == ("warning", "tests.logs")
