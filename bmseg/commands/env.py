"""The command that prints nnU-Net's environment."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import workspace_option


@click.command()
@workspace_option
def env(root: Path) -> None:
    """Print nnU-Net's environment variables, for eval in a shell."""
    import shlex

    from bmseg.nnunet import nnunet_variables
    from bmseg.workspace import open_workspace

    workspace, _ = open_workspace(root)
    for name, value in nnunet_variables(workspace).items():
        click.echo(f"export {name}={shlex.quote(value)}")
