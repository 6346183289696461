"""The server process itself, the one door to chdb: ClickHouse's own handlers out of the chdb-core wheel.

Run as a script by `sinks.store.embedded.server`, never imported there: `child.py RUN_DIR STORE_DIR LOG_DIR`.
`RUN_DIR` holds `config.xml` and `users.xml`, which ClickHouse reads from its working directory. The process
ends when its standard input ends, so it never outlives the one that holds the other end of that pipe.

ClickHouse's function `file()` needs no grant in this kind of server and knows no folder of its own: so the
process gives up the right to open any file but its own before ClickHouse is loaded.
"""

import os
import signal
import sys
import threading
from typing import Any

from sinks.store.embedded.confined import confine

SERVE_FOREVER = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
    "SELECT sleepEachRow(3) FROM system.numbers SETTINGS max_block_size=1, max_threads=1, "
    "function_sleep_max_microseconds_per_block=0, max_execution_time=0 FORMAT Null"
)
"""Opens the ports and then never answers."""


def end_with_parent() -> None:
    """Kill this process once nobody holds the other end of its standard input."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def serve(run_dir: str, store_dir: str, log_dir: str) -> str:
    """Listen until killed; a server that works never returns, else what went wrong.

    Args:
        run_dir: folder with `config.xml` and `users.xml`.
        store_dir: folder of ClickHouse's own data.
        log_dir: folder of its log files.
    """
    confine([store_dir, log_dir, run_dir])
    threading.Thread(target=end_with_parent, daemon=True).start()
    import chdb  # before the change of folder: on import it logs in, which users.xml would refuse

    os.chdir(run_dir)
    engine: Any = chdb._chdb
    answer = engine.query(SERVE_FOREVER, "TSV", path=store_dir)
    return str(answer.error_message()) if answer.has_error() else "the server stopped listening"


if __name__ == "__main__":
    sys.exit(serve(*sys.argv[1:4]))
