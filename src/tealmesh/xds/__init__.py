"""The control plane: what each Envoy is sent, in which order, and what it has acknowledged.

It receives snapshots of meshes (`AdsCache.update`) and serves Envoy resources over one aggregated
gRPC stream for each Envoy (ADS), as state of the world or incrementally. It never reads the store,
and it knows nothing of App Mesh's specifications: `envoy` translates those.

`protocol` decides for one Envoy what it is sent next, and spells it. It is pure. `streams` has all
Envoys: it lets them in, hears them, sends to them, and wakes them when there is something new.

Begin with `protocol.barrier`: its docstring states the order and why it suffices. Then follow one
change through `AdsCache.update`, `Connection.next` and `Session.next`.
"""
