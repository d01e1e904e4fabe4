"""The settings of the ``twist`` command: one table, from which the file, the environment and the reference are read."""

from oci_twisted.app.settings.sources import SettingError, load_settings
from oci_twisted.app.settings.table import TABLE, Setting, Settings

__all__ = ["TABLE", "Setting", "SettingError", "Settings", "load_settings"]
