"""Control planes and engines, each as small as its tests allow.

- `appmesh` and `ecs`: the services alone, over HTTP or called directly (``Direct``).
- `engine`: an engine alone, with documents as the ECS API writes them.
- `control_plane`: ``teal up`` in a process of its own, to be killed and started again.
- `sample` and `worlds`: whole systems on top: the sample application, and generated meshes.
"""
