"""Moving bytes: no HTTP, no registry words."""
