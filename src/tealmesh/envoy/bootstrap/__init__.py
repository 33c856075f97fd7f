"""The file that an Envoy starts with, from the variables of the App Mesh Envoy image.

It says who the Envoy is, where its control plane is, and what the user sets by variables: tracing,
statistics, the admin port. Everything else (listeners, routes, clusters, …) comes from the control
plane later and is built elsewhere in `envoy`. Nothing here reads the environment or a file by
itself: both are arguments.

Begin with `bootstrap.bootstrap`; `environment` reads variables by the image's rules, `tracing` and
`statistics` make the parts that are long. The result is plain JSON (`environment.Json`).
"""
