"""teal.toml: the file in which a team describes its mesh, services, gateways and deployments.

`nouns` are the frozen dataclasses, `parse.parse` makes a `TealConfig` from the text of a file, and
`table.Table` reads one TOML table: it checks every value where it is taken and refuses unknown
keys. Errors are `ConfigError`, one line with the file, the key, its value and what is allowed.

This package knows neither AWS nor the running system. `rollout.system` turns a configuration into
App Mesh and ECS resources; the command line and the control plane both parse the file, so that a
wrong one is refused before anything is asked.
"""
