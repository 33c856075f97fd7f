"""What tests of several areas share, in three rooms.

- `programs`: programs that tests run as a user would (Envoy, Podman, Terraform, the AWS CLI), small
  applications and load.
- `planes`: control planes and engines, from a single service behind HTTP to ``teal up`` in a
  process of its own.
- `meshes`: meshes, specifications and whole systems as data.

`machine` has free ports and paths, `sdk` has boto3 and the AWS CLI. There are no tests here and no
fixtures; what only one area uses lies beside its tests.
"""
