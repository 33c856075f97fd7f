"""The engine: what ECS does behind its API. It runs tasks, replaces and updates them, registers
them in Cloud Map, and drains them before it stops them.

It is not the ECS API: `tealmesh.apis.ecs` writes what clients want into the store, and the engine
watches the store. It does not move traffic between versions either: that is `tealmesh.rollout`.
Everything is decided from committed documents and recorded before it is done, so the engine may be
killed and started again at any time; tasks keep running meanwhile.

`engine` gives every service and every task a worker. Begin with `scheduler.plan`, the pure rules by
which a service's tasks are started and stopped, and with `task.worker`, the life of one task from
PREPARE to STOPPED; `task.state` has its phases. `runtimes.base` is the port to what runs the
containers: plain processes, or Docker. `serving` tells the rollout of configuration which Envoys
must acknowledge it.
"""
