"""Everything that there is, however it was made: what GetStatus and GetLogs show. Pure.

`workloads` connects ECS services and tasks with the virtual nodes and gateways they stand for,
`mesh` and `ecs` describe them, and `find` turns the name that somebody types into tasks. All of it
is read from one view of the store, so an answer is true of one revision.
"""
