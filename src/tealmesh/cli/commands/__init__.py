"""The commands of `teal`, grouped by what they do.

`run` starts and stops a control plane, `deploy` changes services, `look` shows their state,
`envoy` and `image` prepare Envoys and images, `demo` runs the demo.

Each module lists its commands in ``COMMANDS``, and `cli.main` adds them. `teal --help` imports
all of these modules, so they import only click and light modules at the top; everything else is
imported inside the command that needs it, and a test checks that.
"""
