"""
For those who are no registry client: a person with a browser, an orchestrator.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from oci_twisted import __version__
from oci_twisted.http.replies import Reply, json_reply
from oci_twisted.spec.errors import Unavailable
from oci_twisted.spec.pages import PageRequest

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from oci_twisted.interfaces import IRegistry

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>OCI registry</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}
pre {{ background: #f3f3f3; padding: 1rem; overflow: auto }}</style>
<h1>OCI registry</h1>
<p>This is oci-twisted {version}, a registry for container images and other OCI artifacts.</p>
<p>Push an image to it:</p>
<pre>docker tag IMAGE {host}/NAME:TAG
docker push {host}/NAME:TAG</pre>
<p>Or any file:</p>
<pre>oras push {host}/NAME:TAG ./FILE</pre>
<p><a href="/v2/_catalog">What is here</a></p>
</html>
"""


def front_page(call: Call) -> Reply:
    """Tell a person what this is and how to push."""
    host = escape(call.host or "HOST")
    page = _PAGE.format(version=escape(__version__), host=host).encode()
    return Reply(200, (("Content-Type", "text/html; charset=utf-8"),), page)


def live() -> Reply:
    """Say that the process answers."""
    return json_reply(200, {"status": "live"})


async def ready(registry: IRegistry, *, stopping: bool) -> Reply:
    """
    Say that clients can be sent here: the metadata answers, and the process is not stopping.

    :raise Unavailable: when they cannot.
    """
    if stopping:
        raise Unavailable("this registry is stopping")
    await registry.repositories(PageRequest(1))
    return json_reply(200, {"status": "ready"})


def extensions() -> Reply:
    """List the extensions (distribution-spec, "Extensions")."""
    return json_reply(
        200,
        {
            "extensions": [
                {
                    "name": "_oci",
                    "description": "Discovery of extensions",
                    "url": "https://github.com/opencontainers/distribution-spec/tree/main/extensions",
                    "endpoints": ["_oci/ext/discover"],
                },
                {
                    "name": "_catalog",
                    "description": "Listing of repositories, in pages",
                    "url": "https://distribution.github.io/distribution/spec/api/#catalog",
                    "endpoints": ["_catalog"],
                },
            ]
        },
    )
