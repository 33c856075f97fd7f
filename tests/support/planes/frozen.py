"""Imported last by the process that `warm` forks from: the garbage collector of what is forked need
not look at what was imported, nor copy its pages.
"""

import gc

gc.collect()
gc.freeze()
