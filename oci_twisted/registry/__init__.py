"""What push and pull mean: no HTTP, no provider of storage."""
