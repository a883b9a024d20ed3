"""What a command line gives a run: the settings in force, with what it overrides, and the workflow that it names."""

from __future__ import annotations

import argparse

from felix import places
from felix.cli.output import note
from felix.errors import FelixError, SettingsError
from felix.llm.address import repair_base_url
from felix.settings import Settings, SettingsFile
from felix.team.tools.naming import lacking, names_in
from felix.team.workflow import Library, Workflow


def named_settings(options: argparse.Namespace) -> SettingsFile:
    """The settings in force, of the file that the command line names or else the usual one."""
    settings = SettingsFile(options.settings or places.settings_file(), defaults=places.default_settings())
    settings.load()
    return settings


def loaded_settings(options: argparse.Namespace, *, is_lenient: bool = False) -> SettingsFile:
    """The same, and what is wrong with them is told.

    Raises SettingsError for a value that is not allowed, unless `is_lenient`: some look only at a part of them.
    """
    settings = named_settings(options)
    if options.settings and not options.settings.exists():
        note(f"{options.settings} does not exist; Felix uses its defaults.")
    if settings.faults and not is_lenient:
        raise SettingsError(" ".join(settings.faults))
    for notice in settings.notices:
        note(notice)
    return settings


def given_settings(options: argparse.Namespace) -> SettingsFile:
    """The settings in force with what the command line overrides, none of which is saved."""
    settings = loaded_settings(options)
    given = {
        "base_url": repair_base_url(settings.current.base_url if options.base_url is None else options.base_url),
        "model": options.model,
        "streaming_batch_interval": options.batch_interval,
        "enable_streaming": False if options.no_stream else None,
    }
    settings.override(**{key: value for key, value in given.items() if value is not None})
    return settings


def given_workflow(wanted: str) -> Workflow:
    """The workflow of a name or file; empty is the default one. Raises FelixError when there is none."""
    entry = Library(places.builtin_workflows(), places.user_workflows()).find(wanted)
    if entry.workflow is None:
        raise entry.fault or FelixError(f"{entry.path} is no workflow – choose another.")
    return entry.workflow


def usable_workflow(wanted: str, settings: Settings) -> Workflow:
    """The same, with its tools held against the settings. Raises FelixError for one that no run can have; that agents
    will do without one is told."""
    workflow = given_workflow(wanted)
    missing = [found for name in names_in(workflow) if (found := lacking(name, settings))]
    for each in missing:
        if not (each.lack == "folder" or settings.tool_trust.get(each.name) == "never"):
            raise FelixError(each.sentence)
    for sentence in dict.fromkeys(each.sentence for each in missing):
        note(sentence)
    return workflow
