"""The composition root: the process that is a control plane.

`control_plane.run` reads the configuration, makes every part, connects them, and runs them until
it is told to stop. `feed` passes each change of a mesh to the Envoys' side, and `host` provides
what the process needs from its machine: a locked data directory, ports, a token, an HTTP server.

Nothing is decided here, and no other package except `cli` imports this one: parts receive what
they need as arguments. To see which parts there are, read `parts.Parts`; what they expect
of one another is in docs/design/001.
"""
