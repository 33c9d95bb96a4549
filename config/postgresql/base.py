"""The database backend; Django finds it by this module's name."""

import select

from django.db.backends.postgresql import base
from psycopg2 import extensions


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, but for how it finds out whether a kept connection still works."""

    def is_usable(self) -> bool:
        """Whether a statement can be sent: no other has failed in this transaction, and the server has left
        the connection open (one that ends, or is told to end it, says so).

        Django would send a statement, once a request. A server that is gone without a word lets that one
        wait as long as it would let the request's own.
        """
        if self.connection is None or self.connection.closed:
            return False
        if self.connection.get_transaction_status() == extensions.TRANSACTION_STATUS_INERROR:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
