"""Leaving the process with an exit code, also while a camera hangs in its driver."""

import os
import sys
import threading
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process.

    A thread that is still inside a library would come back into an interpreter that is being taken down, and
    the library then aborts the process; one that waits for a broker would be waited for. Both are left behind
    where they are: all that matters is closed by then.

    Args:
        code: what the process ends with. What the streams hold is written out already.
    """
    if threading.active_count() > 1:
        os._exit(code)
    sys.exit(code)
