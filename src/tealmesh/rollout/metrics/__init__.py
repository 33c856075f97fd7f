"""What callers saw: the receiving end of Envoy's metrics sink.

Envoys stream their statistics to `servicer`, a gRPC service described by `proto`; `windows` keeps
the counts of every Envoy and sums them up over a window of time, as the gates need them. `reports`
reads a message, `samples` keeps what one Envoy counted of a cluster, `outcomes` tells what became
of requests, and `sums` adds up Envoys.

Nothing is stored: counts live as long as the control plane, and a window begins after it started.
These are no metrics for dashboards; they cover only what gates and `teal status` use.

Start with `windows`.
"""
