"""All other AWS APIs, answered by moto in a process of its own (`apart`), with a memory.

moto keeps its state in memory. Here every call that changes something is written to a journal
before it is answered, and repeated after a restart. Ids and times of a call are made reproducible,
so that repeating the calls gives the same state with the same ids.

Nothing here changes what moto answers, except where it fails in a way that SDKs would retry for
minutes (`faults`). Begin with `backend`; then `journal` (which calls are kept), `journal_file`
(where, with `sealing`) and `moments` (ids and times).
"""
