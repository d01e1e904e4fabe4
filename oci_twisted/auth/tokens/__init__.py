"""The built-in token service, its keys and its tokens, and access tokens."""
