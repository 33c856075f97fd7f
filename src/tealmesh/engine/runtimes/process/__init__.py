"""Tasks as plain processes: no privileges, no Docker, no images.

Each task gets two loopback addresses instead of a network namespace, and the image map says which
command stands for which image. There is no isolation: containers see this machine's files and
processes, and limits other than ulimits are not enforced.

Begin with `runtime.py`. `launch.py` decides command and environment of a container, `processes.py`
starts it so that it outlives us (`shim.sh`, `limits.py`) and finds it again, `addresses.py` chooses
the addresses, and `localhost.py` makes up for there being only one localhost.
"""
