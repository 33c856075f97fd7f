"""Group deployments: several services that go to new versions together, or not at all.

`deciding` is the pure decider over the deployments of the members, which stay what they are without
a group: it says what each may do. `controller` begins and steers group deployments and works on
those that run; `stored` keeps them. Design note 033.
"""
