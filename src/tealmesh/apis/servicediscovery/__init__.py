"""The AWS Cloud Map API, and the DNS server that answers from its namespaces.

All operations of 2017-03-14 work. Namespaces, services and instances are documents in the store:
tasks are registered there by the engine, Envoys are configured from there, and users may register
instances of their own. There is no Route 53 behind it: hosted zone ids are made up, Route 53 health
checks are stored but never run. The DNS server (`dns_server`, on loopback) answers for the
namespaces; the one for Envoys forwards other questions (`forwarding`).

Begin with `api`, which names the operations by subject; `base` has what they share; `dns_records`
says which records a name has and is pure.
"""
