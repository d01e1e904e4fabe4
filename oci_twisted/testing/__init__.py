"""
What a program that uses oci-twisted tests itself with.

- `oci_twisted.testing.plugin`: the pytest fixtures ``oci_registry``, ``oci_engine`` and ``oci_engine_client``, there as
  soon as the package is installed.
- `oci_twisted.testing.process`: what the fixture runs, for other test runners.
- `oci_twisted.testing.blobs`, `oci_twisted.testing.metadata`, `oci_twisted.testing.tokens`: the contracts of the three
  kinds of stores, as tests.
- `oci_twisted.testing.repository`: the contract of a registry and its repositories, as tests.
- `oci_twisted.testing.engine`: the contract of a container engine and its driver, as tests; in its `memory`, an engine
  that fails on demand.
- `oci_twisted.testing.strategies`: hypothesis strategies for the vocabulary of registries.
- `oci_twisted.testing.pipes`: an agent that reaches a registry of the same process without a socket.

Every run of pytest imports this module, so it imports nothing.
"""
