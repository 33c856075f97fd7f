"""`teal demo`: the sample system under load, through a canary and a blue/green deployment.

`play` runs the demo from start to end. `system` starts and stops what it needs: a control plane,
the sample services, the load generator. `load` is that generator, a process of its own that sends
requests at a fixed rate and counts every failure. `ledger` adds up its counts and decides whether
the observed shares agree with the weights; `view` draws them.

The demo uses a control plane as any user does, through `cli.client`. It has no access to the
control plane's insides, so what it reports is what callers saw. Begin with `play.Demo.run`.
"""
