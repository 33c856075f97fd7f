"""How Tealmesh says that there is nothing of a name: always in the same words. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def absent(noun: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The sentence, such as ``no service 'wbe': there is front, web; did you mean web?``.

    ``otherwise``: what to do where there is nothing of the kind at all.
    """
    import difflib  # It is slow to import, and needed only here.

    names = sorted(set(known))
    if not names:
        return f"no {noun} {name!r}: " + (otherwise or "there is none yet")
    listed = f"no {noun} {name!r}: there is {', '.join(names)}"
    near = difflib.get_close_matches(name, names, n=1)
    return f"{listed}; did you mean {near[0]}?" if near else listed
