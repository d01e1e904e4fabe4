"""
``oci-registry``: what an operator does to a registry beside serving it.
"""

from __future__ import annotations

import click

from oci_twisted import __version__
from oci_twisted.admin.auth import auth
from oci_twisted.admin.passwords import hash_command
from oci_twisted.admin.tokens import token


@click.group()
@click.version_option(__version__, prog_name="oci-registry")
def main() -> None:
    """Look after an OCI registry.  To serve one, run twist oci-registry."""


auth.add_command(hash_command)
main.add_command(auth)
main.add_command(token)
