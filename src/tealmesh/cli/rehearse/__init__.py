"""``teal rehearse``: a deployment with injected faults on a control plane of its own.

The new version is the service's own application behind `faulty`, a small proxy that makes the fault
which `faults` names; `stage` is the system with free ports and short times; `play` runs one fault
after the other and reports what became of each.
"""
