"""A gRPC server on asyncio alone, for ten thousand streams that are mostly silent.

`grpc.aio` keeps some 50 KB for each stream and wakes some fifteen times for each message: that was
most of what an Envoy costs. This one speaks HTTP/2 and gRPC as Envoys and gRPC clients need them,
and takes the same handlers as `grpc.aio.Server` (`server`). `hpack` and `huffman` decode headers,
`frames` has the names of the protocol, all pure; `connection` is one client's, `call` one stream of
it.

https://www.rfc-editor.org/rfc/rfc9113, https://www.rfc-editor.org/rfc/rfc7541 and
https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html
"""
