"""The safeguards of a put, and how each is taken out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from caching import board, entity, signals
from tests.caching.sabotage import Sabotage, attribute, scripts


def together(*sabotages: Sabotage) -> Sabotage:
    """All of these at once."""

    @contextmanager
    def sabotaged() -> Iterator[None]:
        with ExitStack() as stack:
            for sabotage in sabotages:
                stack.enter_context(sabotage())
            yield

    return sabotaged


#: An older version never replaces a newer one.
versions = together(
    scripts(entity.PUT, line="stored[2] == version or older(version, stored[2])", instead="false"),
    scripts(board.PUT, line="older(row.version, version) or", instead=""),
)
#: Versions are compared digit by digit, not as Lua's numbers of 53 bits.
digits = scripts(
    entity.PUT,
    board.PUT,
    line="return #a < #b or (#a == #b and a < b)",
    instead="return tonumber(a) < tonumber(b)",
)
#: What was read in an epoch that is over is refused.
epochs = scripts(entity.PUT, board.PUT, line="epoch ~= ARGV[1]", instead="false")
#: What was read too long ago is refused.
deadlines = scripts(entity.PUT, board.PUT, line="older(ARGV[2], time)", instead="false")
#: A row that is gone leaves the end of its incarnation.
tombstones = together(
    attribute(entity, "end_of_life", lambda version: version),
    attribute(board, "end_of_life", lambda version: version),
)
#: A row that is gone, or that retention does not keep, leaves its version.
memory = scripts(board.PUT, line="append(metas, id, version .. '::')", instead="redis.call('HDEL', META, id)")
#: Nothing is put before its transaction has committed.
commits = attribute(signals.transaction, "on_commit", lambda callback, **_options: callback())
#: What a transaction sees is nobody else's business.
transactions = together(
    attribute(entity, "in_transaction", lambda: False), attribute(board, "in_transaction", lambda: False)
)
