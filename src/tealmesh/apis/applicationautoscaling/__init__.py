"""The Application Auto Scaling API, version 2016-02-06, for services of ECS.

These operations only store what is wanted; `tealmesh.seams.scaling` acts on it. Requests about
other AWS services are moto's (`aws.json_overlay`).

- `api`: all operations
- `policies`, `schedules`: the rules for policies and scheduled actions
- `base`: what they share

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""
