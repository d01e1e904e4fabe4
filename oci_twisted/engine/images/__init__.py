"""
Images, and how they come and go.

- `images`: the group; `values`: what an engine says of images; `references` and `names`: what they are called
- `pulls`, `pushes`: transfers between an engine and a registry, over `transfers`; `progress`: how far they are;
  `causes`: the only place that reads from an engine's words why one failed
- `loads`, `builds`: images out of archives and out of folders
"""

from oci_twisted.engine.images.builds import BuildMessage
from oci_twisted.engine.images.images import Images
from oci_twisted.engine.images.loads import Loaded
from oci_twisted.engine.images.progress import LayerProgress, Phase, Progress
from oci_twisted.engine.images.pushes import Pushed
from oci_twisted.engine.images.references import ImageReference
from oci_twisted.engine.images.values import HistoryEntry, Image, ImageSummary, Removal

__all__ = [
    "BuildMessage",
    "HistoryEntry",
    "Image",
    "ImageReference",
    "ImageSummary",
    "Images",
    "LayerProgress",
    "Loaded",
    "Phase",
    "Progress",
    "Pushed",
    "Removal",
]
