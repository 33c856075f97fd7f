"""Translation: from a snapshot of a mesh to the resources of one of its Envoys.

Everything here is pure. A builder makes one kind of Envoy resource from one noun of App Mesh
(`clusters`, `endpoints`, `listeners`, `routes`, `gateways`, `tls`, …); its inputs are frozen, so
that a cache in front of it cannot miss one. `translate` puts the builders together, `resources`
encodes their messages and knows which resource refers to which. In what order an Envoy is sent
these is decided elsewhere, in `xds`.

A quirk of Envoy or of App Mesh has the address of its specification beside it. `support` lists
every member that acts; the API refuses the others when they are written.

Begin with `translate.Translator`, then read `clusters` and `routes`. `bootstrap` is a room of its
own: the file that an Envoy starts with.
"""
