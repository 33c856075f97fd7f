"""The life of one task: prepared, started, registered, run, drained, stopped.

Which tasks there are is not decided here (`tealmesh.engine.scheduler` and RunTask do that), nor how
a container is run (`tealmesh.engine.runtimes`): this package never imports a particular runtime.

Begin with `state`: the phases of a task, and what is stored of them. `worker` is the state machine
that walks through them, `task` what all its phases share, `pod` the containers with their states
and health checks, `probes` what can be asked of a running task and its Envoy. `record` changes the
task's document and `registration` its entries in Cloud Map. Beside the task's way through its
phases: `secrets` (what its containers start with), `metadata` (what they may ask about themselves)
and `log_shipping` (where their output goes).
"""
