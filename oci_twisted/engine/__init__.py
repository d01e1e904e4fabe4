"""
Container engines: Docker, Podman, and whatever else has a driver, behind one interface.

From the outside to the inside:

- `client`: `EngineClient`, and groups of operations as its attributes: `system`, `images`, `containers`, ...  A group
  is a class over `calls.Calls`, in a module or a package with the frozen values that it answers.  It reads documents
  with `documents.Fields`, and never sees HTTP.
- `blocking`: the same for other threads than the reactor's, over `threads`.
- `containers`, `images`, `events`, `networks`, `volumes`, `pods`, `manifests`, `system`: the groups.
- `credentials`: as whom an engine speaks to registries.  `files`: files and folders as bodies, over `dockerignore`.
- `interfaces`, `requests`, `errors`: the seams.  Methods, parameters and documents are Docker's; drivers of other
  engines translate.
- `drivers`: by name, and ours, which are tables of operations over a pool of connections.
- `transport`: HTTP itself.
- `address`, `discovery`: which engine, and which driver.
"""

from oci_twisted.engine.client import EngineClient
from oci_twisted.engine.containers import ContainerConfig

__all__ = ["ContainerConfig", "EngineClient"]
