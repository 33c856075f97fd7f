"""ECS's nouns as the store keeps them, and the rules that need nothing but them. Pure.

The ECS API (`tealmesh.apis.ecs`) writes these documents because clients ask for it; the engine
(`tealmesh.engine`) writes them as tasks come and go. What both need is here, as neither may import
the other: the types of the documents, how a task or a service deployment is made, and what names
and ARNs look like. What only one of them does is not: the checks of a request are the API's, the
scheduling and the life of a task the engine's.

Begin with `bodies`, which has the type of every document; then `task` (a new task) and
`deployments` (the history of a service).
"""
