"""What a program that uses oci-twisted tests itself with: contract suites, a pytest fixture."""
