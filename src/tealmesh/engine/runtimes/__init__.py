"""What runs the containers of tasks: plain processes of this machine, or Docker (or Podman).

The engine decides which container runs when; a runtime knows how. All that the engine may use is
the port in `base.py` and the modules beside it, which hold for every runtime: `containers.py` (the
rules among a task's containers), `sidecar.py` (its Envoy), `launch.py`, `files.py`, `task_urls.py`.
`process/` and `docker/` implement the port and do not know each other; `fake.py` implements it for
tests.

Begin with `base.py`, then `process/runtime.py`, the simpler of the two. `choice.py` gives each task
one of them, and `build.py` makes them when a control plane starts.
"""
