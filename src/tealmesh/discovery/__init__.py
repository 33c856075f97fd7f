"""Discovery from AWS Cloud Map: the instances of the services that virtual nodes name, asked for
again and again and written into the store, from where every snapshot has them.

`settling` and `schedule` decide: what an answer means, and what to ask when. `cloud_map` asks, and
`worker` connects them with the store. One control plane of several runs it. Design note 050.
"""
