"""Was PostgreSQL lost, or was a statement wrong?"""

from django.db import DatabaseError, InterfaceError, OperationalError


def is_lost(error: Exception) -> bool:
    """Whether the server or the connection failed, so that the same statement may succeed later.

    When the server is killed in the middle of a statement, psycopg2 may say no more than DatabaseError, the
    base of all its errors (seen in chaos: relays ended by it, and requests were answered 500).
    """
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
