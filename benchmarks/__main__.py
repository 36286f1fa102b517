"""`python -m benchmarks`: start `benchmarks.run` on one processor with one thread.

The libraries read their number of threads when they are imported, so it is fixed in the environment
of a fresh process. XLA heeds no flag for that: only a process bound to one processor keeps it to
one thread. `--free` leaves everyone all processors.
"""

from __future__ import annotations

import os
import sys

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    environment = dict(os.environ)
    if "--free" not in sys.argv:
        environment |= dict.fromkeys(ONE_THREAD, "1")
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    command = [sys.executable, "-m", "benchmarks.run", *sys.argv[1:]]
    os.execve(sys.executable, command, environment)


main()
