"""The Envoys that are connected: how they are let in, heard, sent to and woken.

`server` is the gRPC side, under the `limits` on streams; `conversation` is what is said on a
stream, `connection` what is kept of it. `cache` holds the newest snapshots and `register` the
Envoys. `waking` tells them of a snapshot, `waiting` those who wait until they have it. `alarms` and
`owing` are the timers that streams share. `elsewhere`, `fed` and `balance` are for several control
planes; `counts` is for operators.
"""
