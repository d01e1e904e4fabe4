"""Providers: where blobs and metadata are kept."""
