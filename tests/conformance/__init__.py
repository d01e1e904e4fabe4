"""The conformance suites of the OCI against a running registry."""
