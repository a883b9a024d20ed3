"""The Settings tab: sections of rows, each of which reads and changes the settings in force."""

from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.storage import StorageActs, StorageReport
from felix.gui.settings_tab.tab import SettingsTab
from felix.gui.settings_tab.tools import ToolActs

__all__ = ["Acts", "SettingsTab", "StorageActs", "StorageReport", "ToolActs"]
