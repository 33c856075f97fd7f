"""Load balancers that listen: an Envoy for each one that the API holds.

`plan` decides where each load balancer listens on this machine (pure), `fleet` records that and
gives each place a worker, and `worker` is the life of one Envoy: started, adopted after a restart
of the control plane, replaced when it ends, drained and stopped when its load balancer is deleted.
`health` answers what ELB says of targets, from what the Envoys see.

Nothing here configures an Envoy: `app.feed` hands snapshots of load balancers to the ADS server,
and `envoy.load_balancers` translates them. Nor is anything here ELB's API.
"""
