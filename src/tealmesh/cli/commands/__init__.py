"""The commands of `teal`, grouped by what they do.

`run` starts and stops a control plane, `deploy` changes services, `look` shows their state,
`envoy` and `image` prepare Envoys and images, `demo` runs the demo.

Each module lists its commands in ``COMMANDS``, and `cli.listing` says which those are and what they
do, in a line each: `teal --help` imports none of these modules. A shell that completes the options
of a command imports one of them, so they import only click and light modules at the top;
everything else is imported inside the command that needs it, and a test checks that.
"""
