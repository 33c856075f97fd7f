"""Several control planes on one database, each of which may die at any moment.

Every replica answers every call and serves Envoys. What they tell one another is in tables of the
database outside the store's revision (`store.database.schema`), as it changes all the time and
nothing needs to be kept of it: who holds which lease (`leases`), which replicas are there
(`presence`).

Nobody judges by dates that others wrote: a row that has not changed for a while, by the watcher's
own clock, is what tells that its writer is silent. Design note 051.
"""
