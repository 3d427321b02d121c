"""What happened on the way of a trial, for the person who looks for a cause: one small text file.

`home/logs/trials/TRIAL_ID.log` holds a line for each phase of each attempt and all that worker code
warned of meanwhile. It is kept beside nothing that is hashed: times differ from run to run.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOGS = ("logs", "trials")


def trial_log_path(home: Path, trial_id: str) -> Path:
    return home.joinpath(*_LOGS, f"{trial_id}.log")


@contextmanager
def trial_log(home: Path, trial_id: str, attempt: int) -> Iterator[logging.Logger]:
    """Meanwhile, what `workers` log in this thread goes to the trial's file too; an attempt is
    added to the last. Packed trials have a thread each.

    The logger that comes back is for the trial's own lines.
    """
    path = trial_log_path(home, trial_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    form = logging.Formatter(f"%(asctime)s attempt {attempt} %(levelname)s %(message)s")
    form.converter = time.gmtime
    form.default_time_format, form.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    handler.setFormatter(form)
    handler.setLevel(logging.INFO)
    here = threading.get_ident()
    handler.addFilter(lambda record: record.thread == here)
    ours = logging.getLogger("workers")
    ours.addHandler(handler)
    # Left so: others may log in this process yet.
    ours.setLevel(logging.INFO)
    try:
        yield logging.getLogger("workers.trial")
    except Exception as error:
        logging.getLogger("workers.trial").error("%s: %s", type(error).__name__, error)
        raise
    finally:
        ours.removeHandler(handler)
        handler.close()
