"""moto in a process of its own: what goes wrong there is a 503 of its services and nothing else.

Three processes. The control plane (`front`) passes requests on, and watches how long each takes.
The keeper (`keeper`) is forked before the control plane has threads and starts the worker whenever
it is told to. In the worker (`worker`) is moto with its journal, within `limits` of memory and
network. They speak by socket pairs that nobody else can open (`frames`). Design note 037.
"""
