"""Python's collector of reference cycles, as a control plane needs it. Design note 046.

A full collection looks at every object there is, and Python begins one whenever there are a quarter
more of them. While thousands of Envoys connect that is again and again, though nothing of what came
is garbage.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE = 700, 10
"""Python's own: new objects until the youngest are looked at, and how often until the next ones."""
_FULL = 50
"""How often these are looked at until all are: some 350,000 new objects. Python's own is a fifth
of that."""


def seldom() -> None:
    """What there is by now, which is what was imported, is never looked at again; the rest is
    seldom.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _FULL)
