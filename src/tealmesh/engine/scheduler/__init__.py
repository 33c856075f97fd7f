"""The service scheduler: keeps each service at its desired number of tasks, and moves it from one
deployment to the next, as ECS does for rolling updates.

It only decides and records. It starts no process and waits for nothing: a task that it wants is a
document, which the task's own worker (`tealmesh.engine.task`) picks up once it is committed. It
knows no meshes either; weights between two services are the business of `tealmesh.rollout`.

Begin with `plan`, which is pure and has all rules: a service and its tasks in, actions out. `turn`
runs it inside a store transaction and applies the actions to the documents; `documents` translates
between the stored documents and the plan's nouns. `tealmesh.engine.service_worker` calls `turn`
whenever a service or one of its tasks has changed.
"""
