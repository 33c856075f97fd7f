"""The AWS App Mesh API: what users, Terraform and CloudFormation write meshes with.

All 38 operations of 2019-01-25 work on documents in the store. The rules that App Mesh has beyond
its model are here, so that no stored mesh is one that Envoy refuses: between members of one
specification (`spec_rules`, `route_rules`, `re2`, `log_format`), between resources (`references`),
quotas, tags, client tokens. Nothing here knows Envoys: what a mesh means to them is `envoy`'s, and
who gets it when is `xds`'s.

Begin with `api`, one flow per verb; `nouns` are the seven resources as data, and `operations` is
the table of all operations on them. Two things are Tealmesh's own: `grace` keeps a router's last
route for a few seconds, and `certificates` fetches from ACM what Envoys of App Mesh fetched.
"""
