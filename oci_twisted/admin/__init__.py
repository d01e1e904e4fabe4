"""Commands for the operator, beside the server."""
