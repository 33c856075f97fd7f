"""The control plane: what each Envoy is sent, in which order, and what it has acknowledged.

It receives snapshots of meshes (`AdsCache.update`) and serves Envoy resources over one aggregated
gRPC stream for each Envoy (ADS), as state of the world or incrementally. It never reads the store,
and it knows nothing of App Mesh's specifications: `envoy` translates those.

`subscription` and `session` keep the state of one stream and are pure, as is `barrier`, which
decides what may be sent so that no request is lost on the way from one state to the next. Streams
that stand at the same point share their steps (`standing`). `cache` holds the snapshots, `register`
the Envoys, `waiting` those who wait for them, `encode` the responses as bytes, `server` the gRPC
side.

Begin with `barrier`: its docstring states the order and why it suffices. Then follow one change
through `AdsCache.update`, `Connection.next` and `Session.next`.
"""
