"""AWS's wire protocols, driven by botocore's models: rest-json, JSON 1.1 and Smithy RPC v2 CBOR.

Server-side only, and no code per operation: which request is which operation, how its members are
read, checked and written, and what its errors look like, all comes from the model. What a request
asks for is decided in `apis`.

Begin with `codec`, the entry points. `apimodel` reads models; `readers` and `writers` compile the
shapes of a model into closures; `validation` checks the constraints that botocore leaves to the
server; `bodies` is JSON and CBOR themselves.
"""
