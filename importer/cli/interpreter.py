"""The interpreter as an import wants it: its lock is handed on sooner, and the garbage collector looks seldom."""

import gc
import sys
from typing import Final

#: The event loop gives the interpreter's lock away with each read and write of a socket, and asks the threads that
#: read the source and write the journal for it again. By the default it would wait 5 ms each time.
_SWITCH_S: Final = 0.0005
#: Records make no cycles: the collector looks for them seldom, since each look takes time that grows with what is held.
_GARBAGE: Final = (50_000, 20, 50)


def load() -> None:
    """Leave the collector out while modules are loaded, which stay: each look at them would be in vain."""
    gc.disable()


def tune() -> None:
    """Set the process up for a command that is loaded; for whoever owns it, since it holds for all threads."""
    gc.freeze()  # modules live as long as the process
    gc.set_threshold(*_GARBAGE)
    gc.enable()
    sys.setswitchinterval(_SWITCH_S)
