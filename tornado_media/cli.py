"""The commands: serve, render, sign, presets, check, cache. Arguments in, exit status out, no work here."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

import tornado_media
from tornado_media import demo, log
from tornado_media.config import Config, ConfigError, load_config
from tornado_media.errors import MediaError
from tornado_media.http import signature
from tornado_media.presets.engines import ENGINES
from tornado_media.presets.plan import EngineCall, Original, Pipeline, Plan, Segment, Text
from tornado_media.presets.preset import Preset
from tornado_media.store.folder import Folder
from tornado_media.store.layout import Removed, source_of
from tornado_media.urls import parse_target


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tornado_media.__version__, prog_name="tornado-media")
def main() -> None:
    """Any program's output as an HTTP response: thumbnails by URL and live video from one process."""


@main.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="TCP port; 0 takes a free one.")
@click.option("--address", help="Address to listen on; 0.0.0.0 for all of IPv4.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="A tornado_media.toml.")
@click.option(
    "--log-level", default="INFO", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), show_default=True
)
def serve(
    folder: Path | None, port: int | None, address: str | None, config_file: Path | None, log_level: str
) -> None:
    """Serve FOLDER, or what the configuration mounts, or else a demo folder."""
    log.configure(log_level)
    if folder is None and config_file is None:
        folder = _demo()
    config = _load(config_file, folder)
    from tornado_media import server

    try:
        status = server.run(
            config,
            config.server.address if address is None else address,
            config.server.port if port is None else port,
            lambda line: click.echo(line),
        )
    except OSError as error:
        raise click.ClickException(f"cannot listen: {error}") from error
    sys.exit(status)


@main.command()
@click.argument("preset")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; else stdout."
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="A tornado_media.toml.")
@click.option("--dry-run", is_flag=True, help="Print what would run, and run nothing.")
def render(
    preset: str,
    source: Path,
    parameters: tuple[str, ...],
    output: Path | None,
    config_file: Path | None,
    dry_run: bool,
) -> None:
    """Make one result without HTTP: the same plan and job as a request."""
    from tornado_media import rendering

    config = _load(config_file, source.absolute().parent)
    asked = []
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            raise click.UsageError(f"a parameter is NAME=VALUE, not {parameter!r}")
        asked.append((name, value))
    try:
        asyncio.run(
            rendering.render(
                config,
                preset,
                source.absolute(),
                tuple(asked),
                None if output is None else output.absolute(),
                _print_plan if dry_run else None,
            )
        )
    except MediaError as error:
        message = error.detail if not error.private else f"{error.detail}\n{error.private}"
        raise click.ClickException(message) from error
    except BrokenPipeError:
        sys.exit(1)


@main.command()
@click.argument("target")
@click.option("--config", "config_file", required=True, type=click.Path(path_type=Path), help="Has the key.")
@click.option("--seconds", type=click.IntRange(1), help="How long it is good; else for ever.")
def sign(target: str, config_file: Path, seconds: int | None) -> None:
    """Sign TARGET, such as '/1.jpg?size=300x200', with the first key of a configuration."""
    keys = _load(config_file, None).signing.keys
    if not keys:
        raise click.ClickException(f"{config_file} has no key in [signing]")
    try:
        click.echo(signature.sign(target, keys[0], None if seconds is None else int(time.time()) + seconds))
    except MediaError as error:
        raise click.ClickException(error.detail) from error


@main.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="A tornado_media.toml.")
def presets(config_file: Path | None) -> None:
    """List the presets: parameters with their bounds, and which programs are missing."""
    known = _load(config_file, Path.cwd()).presets()
    for name, preset in sorted(known.presets.items()):
        click.secho(name, bold=True, nl=False)
        click.echo(f"  {preset.about}")
        click.echo(f"    {', '.join(preset.accepts)} -> {_made(preset)}")
        for parameter_name, parameter in preset.parameters.items():
            click.echo(f"    {parameter_name}: {_parameter_line(parameter)}")
        for program in sorted(preset.programs()):
            if known.programs.get(program) is None:
                click.secho(f"    missing program: {program}", fg="red")


@main.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
def check(config_file: Path) -> None:
    """Say every mistake of a configuration, with file, preset and key; exit 1 if there are any."""
    config = _load(config_file, None)
    known = config.presets()
    for name, path in sorted(known.programs.items()):
        if path is None:
            click.echo(f"note: the program {name} is not installed; presets that run it answer 503")
    click.echo(f"{config_file}: no mistakes, {len(known.presets)} presets, {len(config.sources)} sources")


@main.group()
def cache() -> None:
    """Look at the kept results, or remove them; servers that run may go on."""


_cache_config = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="A tornado_media.toml."
)


@cache.command()
@_cache_config
def stats(config_file: Path | None) -> None:
    """Say how many results are kept on disk, and how large they are."""
    with _cache_folder(config_file) as (config, folder):
        entries = folder.list()
        click.echo(f"folder:  {folder.root}")
        click.echo(f"results: {len(entries)}")
        click.echo(f"size:    {_size(sum(entry.size for entry in entries))} of {_size(config.cache.bytes)}")


@cache.command()
@_cache_config
def clear(config_file: Path | None) -> None:
    """Remove all results."""
    with _cache_folder(config_file) as (_, folder):
        _print_removed(folder.clear())


@cache.command()
@click.argument("source")
@_cache_config
def purge(source: str, config_file: Path | None) -> None:
    """Remove what was made of SOURCE, the path of its URL: /holiday/1.jpg."""
    try:
        target = parse_target(quote(source, safe="/%?#&=+"))
    except MediaError as error:
        raise click.BadParameter(error.detail, param_hint="SOURCE") from error
    if target.parameters:
        raise click.BadParameter("a source is a path without parameters", param_hint="SOURCE")
    with _cache_folder(config_file) as (_, folder):
        _print_removed(folder.purge(source_of(target.path)))


@contextmanager
def _cache_folder(config_file: Path | None) -> Iterator[tuple[Config, Folder]]:
    config = _load(config_file, None)
    if config.cache.folder is None:
        raise click.ClickException("there is no cache folder: name one in [cache]")
    try:
        yield config, Folder(config.cache.folder)
    except OSError as error:
        raise click.ClickException(f"the cache folder cannot be used: {error}") from error


def _print_removed(removed: Removed) -> None:
    click.echo(f"removed: {len(removed.lengths)} results, {_size(sum(removed.lengths.values()))}")


def _size(size: float) -> str:
    """Bytes for people to read."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _load(config_file: Path | None, folder: Path | None) -> Config:
    """The configuration of a file; a folder replaces its sources."""
    try:
        if config_file is None:
            return Config.from_mapping({"sources": _one_source(folder or Path.cwd())}, Path.cwd())
        config = load_config(config_file)
        if folder is None:
            return config
        return config.with_sources(_one_source(folder))
    except ConfigError as error:
        for mistake in error.mistakes:
            click.echo(str(mistake), err=True)
        sys.exit(1)


def _one_source(folder: Path) -> dict[str, Any]:
    return {"files": {"root": str(folder.absolute())}}


def _demo() -> Path:
    folder = demo.demo_folder()
    if not demo.is_complete(folder):
        click.echo(f"Making a demo folder, once: {folder}")
        # A process of its own: it decodes and encodes, which this one never does.
        made = subprocess.run([sys.executable, "-m", "tornado_media.demo", str(folder)], check=False)
        if made.returncode != 0:
            raise click.ClickException("the demo folder could not be made; name a folder to serve")
    return folder


def _parameter_line(parameter: Any) -> str:
    words = [parameter.accepts()]
    if parameter.required:
        words.append("required")
    if parameter.default is not None:
        words.append(f"default {parameter.canonical(parameter.parse(str(parameter.default)))}")
    if parameter.about:
        words.append(parameter.about)
    return "; ".join(words)


def _made(preset: Preset) -> str:
    """What a preset makes, for people."""
    if preset.media_type is not None:
        return str(preset.media_type)
    return ", ".join(ENGINES[str(preset.engine)].makes.values())


def _print_plan(plan: Plan) -> None:
    match plan.work:
        case Pipeline():
            click.echo(" | ".join(shlex.join(command) for command in plan.work.commands))
        case EngineCall():
            arguments = ", ".join(f"{name}={value!r}" for name, value in plan.work.arguments.items())
            click.echo(f"engine {plan.work.engine}({arguments})")
        case Original():
            click.echo("the source's own bytes")
        case Text():
            click.echo(plan.work.content, nl=False)
        case Segment():
            pipeline = plan.work.pipeline(plan.work.number or 0)
            click.echo(" | ".join(shlex.join(command) for command in pipeline.commands))
