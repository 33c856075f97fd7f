"""Which replicas are there: each raises a number in the database once a second.

One whose number stands still is asked by HTTP: only if it does not answer either is it dead. So a
database that is away for all kills nobody. Nothing is judged by times that others wrote.
"""
