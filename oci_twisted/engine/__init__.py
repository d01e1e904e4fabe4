"""
Container engines: Docker, Podman, and whatever else has a driver, behind one interface.

From the outside to the inside:

- `client`: `EngineClient`, and groups of operations as its attributes: `system`, `images`, `containers`, ...  A group
  is a class over `calls.Calls`, in a module with the frozen values that it answers.  It reads documents with
  `documents.Fields`, and never sees HTTP.
- `containers.Containers` is made of parts: `execs` (over `processes`, `outputs`, `runs`), `logs` (over `frames`,
  `deliveries`), `stats`, `archives`.  `events` is a subscription that outlives connections.
- `references`, `credentials`, `progress`, `causes`, `files`: what pulls, pushes, saves, loads and builds are made of.
  `causes` is the only place that reads from an engine's words why a transfer failed.
- `interfaces`, `requests`, `errors`: the seams.  Methods, parameters and documents are Docker's; drivers of other
  engines translate.
- `docker`, `podman`: drivers, which are tables of `operations.Operation`; `podman_differences` is put around what
  Podman does otherwise.
- `connection`: a table over a pool: versions, and answers as responses.  `answers` is the only place that knows what
  statuses mean, `messages` the only one that knows how JSON is streamed.
- `transport`: HTTP itself.
- `address`, `discovery`, `drivers`: which engine, and which driver.
"""

from oci_twisted.engine.client import EngineClient

__all__ = ["EngineClient"]
