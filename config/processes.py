"""As whom does a child process run, and how does it end with its parent, even when that one is killed?"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def servant() -> pwd.struct_passwd | None:
    """As whom PostgreSQL runs: "nobody" when we are root, whom it refuses; None means as we are."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_servant() -> dict[str, Any]:
    """The arguments of `subprocess.Popen` that make a child the servant, in a directory that it may enter."""
    user = servant()
    if user is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def end_with_parent(farewell: signal.Signals, parent: int) -> None:
    """Have the kernel send `farewell` to this process when that parent ends (Linux; elsewhere does nothing).

    The kernel's "parent" is a thread: start such a child from the main thread. A change of user clears it.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, farewell)
    if os.getppid() != parent:  # it ended before the line above
        os.kill(os.getpid(), signal.SIGKILL)


def dies_with_parent(farewell: signal.Signals) -> Callable[[], None]:
    """The same as a `preexec_fn` for a child of this process; Python calls it after the change of user."""
    return partial(end_with_parent, farewell, os.getpid())
