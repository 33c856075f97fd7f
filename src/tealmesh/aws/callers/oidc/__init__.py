"""People who come by a proxy that has asked who they are: OpenID Connect. Begin with `people`."""
