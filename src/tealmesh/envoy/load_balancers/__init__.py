"""Elastic load balancers as Envoy resources; all pure.

A `LoadBalancerSnapshot` goes in, the `ResourceSet` of the load balancer's Envoy comes out
(`translate`). One builder per noun: listeners, rules (`conditions`, `actions`), target groups with
their targets, health checks. A short Lua script (`script`) does what Envoy's own configuration
cannot express. `by_host` is the Envoy in front of them all.
"""
