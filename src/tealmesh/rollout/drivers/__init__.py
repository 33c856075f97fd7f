"""How a rollout acts on the world: one port, an implementation on AWS APIs, and a fake.

`base` is the port. `api` implements it by App Mesh, ECS and Cloud Map calls; `resources` builds
the requests (pure), `aws` runs boto3's blocking calls in threads and translates its errors, and
`cloudmap` has the Cloud Map part. `fake` is a small simulated world for tests.

Drivers decide nothing about a deployment. Each method can be repeated at any time, reports a
failure as `model.errors.DriverError`, and says `NotYet` when something else has to happen first.

Start with `base`.
"""
