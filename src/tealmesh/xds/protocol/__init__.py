"""What one Envoy is sent next, and how that and its requests are spelt. All pure.

`barrier` decides what may be sent so that no request is lost on the way from one state to the next;
`subscription` and `session` keep the state of one stream, in the words of `exchange`. Streams that
stand at the same point share their steps (`standing`). `recollection` says what an Envoy may hold
from before, `own` what is one Envoy's alone. `variants` and `reading` know requests as bytes,
`encode` and `stencil` make the bytes of responses.
"""
