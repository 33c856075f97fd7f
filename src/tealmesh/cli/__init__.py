"""The `teal` command.

`main` collects the commands from `commands/`, one module per kind of command. Most of them ask a
control plane over HTTP: `client` has a method for each operation of our API, `render` turns the
answers (`model.wire`) into tables, and `follow` and `ready` poll until something has happened.

This package decides nothing about meshes or deployments: that happens in the control plane. So it
imports `model` and nothing else of Tealmesh, except where a command does its work in this process:
`commands.run` imports `app` (`teal up` is the control plane), `commands.envoy` imports
`envoy.bootstrap`, and `commands.image` and `checks` import the engine's runtimes to reach the
Docker of this machine. The import contract in pyproject.toml names these four.

Begin with `main`, then `commands.deploy`. `demo/` is `teal demo`.
"""
