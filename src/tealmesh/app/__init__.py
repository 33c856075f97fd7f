"""The composition root: one process that is a control plane.

Begin with `control_plane.run`."""
