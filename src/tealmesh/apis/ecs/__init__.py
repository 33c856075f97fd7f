"""The Amazon ECS API for a cloud of one machine.

The operations check a request as ECS does, answer in its words, and store what is wanted:
clusters, task definitions, services, tasks. They start and stop nothing: the engine
(`tealmesh.engine`) watches the store, runs the tasks and writes back how far they are.

Features that mean nothing on one machine (container instances, task sets, …) are
refused by name and with a reason, not accepted and ignored: `refused.py` lists the operations.

Begin with `api.py`, which puts `Ecs` together and names the module of each group of operations.
`base.py` has what they share: lookups, errors, pages. `definition_rules.py` and `service_rules.py`
hold the checks; `requests.py` and `answers.py` the types that the SDK's stubs lack.
"""
