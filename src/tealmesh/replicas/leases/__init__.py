"""What must happen once over all replicas is done by the holder of a lease.

A lease is a row with its holder, a fencing number and a beat. The holder renews it by raising the
beat, and stops by itself in time when it cannot. Another replica may take a lease whose row it has
seen unchanged for `Terms.expires` seconds of its own clock; the number is one more then. A holder
that stood still meanwhile may believe for a moment to have it, so its writes are checked in the
database: `rows.check` in each transaction.
"""
