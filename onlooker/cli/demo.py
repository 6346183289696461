"""`onlooker demo`: the whole pipeline on its own sample footage, from an empty folder to campaign figures."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=Path("demo-data"),
    show_default=True,
    help="Where the demo keeps its configuration, gallery, figures and report.",
)
def demo(data_dir: Path) -> None:
    """Show the whole system on real footage, without a server.

    Prepares the models and a few seconds of sample footage (once), enrols one man from a still, runs two
    stands with two campaigns through the pipeline, and prints what it was worth.
    """
    from onlooker.demo import run_demo

    run_demo(data_dir)
