"""Tasks as containers of Docker or Podman, each task with a network namespace of its own.

As on Fargate, the containers of a task share one localhost, traffic is redirected through Envoy
without the application noticing, 169.254.170.2 answers for metadata and credentials, and names of
the mesh resolve. "Docker" here is whatever answers Docker's API on a Unix socket. Root is needed:
we enter the tasks' namespaces.

`runtime.py` implements the port and is where to begin. `launch.py` turns a task definition into
calls of `api.py`; `rules.py`, `netns.py`, `relay.py`, `resolver.py` and `names.py` make the network
of a task; `fetch.py` and `images.py` provide images; `logs.py` copies output to the task's files.
"""
