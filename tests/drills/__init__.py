"""Drills: two real `teal serve` on a real PostgreSQL, an adopted service with real Envoys under
load, somebody who writes all the time, and a fault. What each came to is a row of docs/drills.md.
"""
