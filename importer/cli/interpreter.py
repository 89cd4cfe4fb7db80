"""The interpreter as an import wants it: its lock is handed on sooner, and the garbage collector looks seldom."""

import gc
import sys
from typing import Final

#: The event loop gives the interpreter's lock away with each read and write of a socket, and asks the threads that
#: read the source and write the journal for it again. By the default it would wait 5 ms each time.
_SWITCH_S: Final = 0.0005
#: Neither modules nor records make cycles that are worth a look, which takes time that grows with what is held.
_GARBAGE: Final = (50_000, 20, 50)


def tune() -> None:
    """Set the process up, before most modules are loaded; for whoever owns it, since it holds for all threads."""
    gc.set_threshold(*_GARBAGE)
    sys.setswitchinterval(_SWITCH_S)
