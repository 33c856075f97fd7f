"""Deployments: move a service from one image to another, step by step, and back if it fails.

A deployment starts the new image on the idle side, shifts weight to it step by step, judges each
step by what the callers' Envoys counted, and stops the old side when that receives no more
requests. `machine` decides all of this and is pure: a deployment and an event give the next
deployment. `controller` runs it: it stores every transition and performs the effect of the new
state through a port, `drivers.base`. `assess` has the gates, `metrics` the counters they judge,
and `operations` is what else our API does with a teal.toml: apply, weights, status.

This package knows nothing of Envoy configuration or of tasks on this machine: it calls the AWS
APIs as any client does, at our own endpoint today.

Start with `machine`, then `controller`, then `drivers.api`.
"""
