"""The `teal` command.

`main` collects the commands from `commands/`, one module per kind of command. Most of them ask a
control plane over HTTP: `client` has a method for each operation of our API, `screens` turns the
answers (`model.wire`) into tables, and `following` polls until something has happened.

This package decides nothing about meshes or deployments: that happens in the control plane. So it
imports `model` and nothing else of Tealmesh, except where a command does its work in this process:
`teal up` and `teal serve` are control planes, `teal doctor` looks for the Docker of this machine,
`teal envoy bootstrap` needs no control plane. The import contract in pyproject.toml names them all.

Begin with `main`, then `commands.deploy`. `demo/` is `teal demo`.
"""
