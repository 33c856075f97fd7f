"""Programs that tests run: in a process, a thread or a container of their own.

Some are real and installed (`envoy`, `podman`, `terraform`, `aws_cli`; those that may be missing
have a ``missing`` or a ``needs_…`` for tests to skip by), some answer for others (`backend`,
`sts`), and some send traffic (`load`, `traffic`). Tasks run `tests.support.applications`.
"""
