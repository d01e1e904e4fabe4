"""
HTTP/1.1 to an engine, over whatever connects to it.

Not `twisted.web.client`: exec and attach take the connection over in the middle of an exchange, logs come as a chunk a
line, and a program may follow hundreds of streams.  So a connection is one protocol on llhttp here, from its first
byte to its last, whether it carries documents, a stream or a terminal.

- `wire`: one connection, one exchange at a time
- `answers`: the head of an answer, and what there is behind it
- `streams`, `duplex`: bodies, and connections that were taken over
- `uploads`: bodies of requests
- `pool`: how many connections, which are kept, what is waited for
- `endpoints`: how an address is connected to
- `tls`, `tls_halves`: TLS, and the end of one half of it
- `ssh`, `ssh_channels`: SSH, and what is a connection there; `ssh_auth`, `known_hosts`: who the two ends are
"""
