"""Workflow files as text, in a window of their own: checked while they are typed, saved only when they are right."""

from felix.gui.workflow_editor.tools_menu import NOBODY_ASKED, Told
from felix.gui.workflow_editor.window import WorkflowEditor

__all__ = ["NOBODY_ASKED", "Told", "WorkflowEditor"]
