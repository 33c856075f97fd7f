"""Elastic Load Balancing (2015-12-01): what moto's does not have.

moto keeps load balancers, listeners, rules and target groups. Ours are

- the targets and their health: `api` (start here), `targets` (for use inside a transaction),
- what is refused before moto stores it, since no load balancer here could do it: `refused`,
- the copy of all that in the store, which load balancers are configured from: `feed`.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
"""
