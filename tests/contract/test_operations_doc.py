"""docs/operations.md says what is: its tables follow from its inputs, its commands and settings exist."""

import re
import shlex
from pathlib import Path

import click
import msgspec
import pytest
import yaml

from onlooker.cli.root import root
from onlooker.lab.stream.sizing import ESTATES, Inputs, inputs_of, measured_by, plan_for, renewed
from onlooker.settings.configuration import Settings, load_settings
from schemas.metrics import COUNTERS, GAUGES, HISTOGRAMS

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs" / "operations.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
SECTIONS = {field.name for field in msgspec.structs.fields(Settings)} - {"stands", "data_dir", "models"}


def blocks(kind: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def commands(begin: str) -> list[str]:
    """The shell's lines that begin so, joined where they go on, without remarks."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.startswith(begin)]


def parsed(line: str) -> click.Context:
    """A command line of onlooker, parsed and not run; a verb or option that does not exist raises."""
    command: click.Command = root
    words = shlex.split(line)[1:]
    context = click.Context(root)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no {words[0]!r} in: {line}"
        command, words = found, words[1:]
    return command.make_context(line, words)


def test_the_tables_follow_from_the_inputs() -> None:
    assert renewed(TEXT, {}) == TEXT, "run: python -m onlooker.lab.stream.sizing docs/operations.md"


def test_a_new_figure_changes_the_tables() -> None:
    slower = renewed(TEXT, {"observe_frames_per_s": inputs_of(TEXT).observe_frames_per_s / 2})
    assert slower != TEXT
    before, after = (plan_for(1000, inputs_of(text)) for text in (TEXT, slower))
    assert after.observe_cores >= 2 * before.observe_cores - 1
    assert renewed(slower, {}) == slower


@pytest.mark.parametrize("line", [*commands("onlooker "), *re.findall(r"`(onlooker [a-z][^`]*)`", TEXT)])
def test_every_command_can_be_parsed(line: str) -> None:
    assert parsed(line)


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(click.NoSuchOption):
        parsed("onlooker topics check --patitions 3")
    with pytest.raises(AssertionError, match="there is no 'topic'"):
        parsed("onlooker topic check")


@pytest.mark.parametrize("line", commands("docker/"))
def test_scripts_and_their_options_exist(line: str) -> None:
    script, *arguments = shlex.split(line)
    text = (REPOSITORY / script).read_text(encoding="utf-8")
    for option in (word for word in arguments if word.startswith("--")):
        assert option in text


def test_modules_that_are_run_exist() -> None:
    named = set(re.findall(r"python -m ([\w.]+)", TEXT))
    assert len(named) >= 2
    for module in named:
        assert (REPOSITORY / f"{module.replace('.', '/')}.py").exists(), module


def test_configurations_are_accepted(tmp_path: Path) -> None:
    found = blocks("yaml")
    assert found
    for number, block in enumerate(found):
        assert yaml.safe_load(block)
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        assert load_settings(path).kafka.prefix == "store-17"


def test_settings_that_are_named_exist() -> None:
    named = set(re.findall(rf"`({'|'.join(sorted(SECTIONS))})\.(\w+)", TEXT))
    assert len(named) >= 8
    for section, name in named:
        assert hasattr(getattr(Settings(), section), name), f"{section}.{name}"


def test_metrics_and_alerts_that_are_named_exist() -> None:
    known = {f"onlooker_{name}_total" for name in COUNTERS} | {
        f"onlooker_{name}" for name in (*GAUGES, *HISTOGRAMS)
    }
    named = set(re.findall(r"`(onlooker_\w+)`", TEXT))
    assert named
    assert named <= known
    alerts = (REPOSITORY / "docker/prometheus/alerts.yml").read_text(encoding="utf-8")
    mentioned = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", TEXT))
    assert {"ServiceDown", "DependencyAway"} <= mentioned
    assert mentioned <= set(re.findall(r"- alert: (\w+)", alerts))


def test_pages_that_are_linked_exist() -> None:
    for target in re.findall(r"\]\(([\w./-]+)\)", TEXT):
        assert (DOCUMENT.parent / target).exists(), target


def test_more_stands_never_need_less() -> None:
    given = inputs_of(TEXT)
    for name in ("sites", "all_observe_cores", "rows_per_day", "shards", "partitions", "brokers"):
        values = [getattr(plan_for(stands, given), name) for stands in ESTATES]
        assert values == sorted(values), name


def test_the_arithmetic_by_hand() -> None:
    """100 stands of round figures, computed on paper."""
    given = Inputs(
        observe_frames_per_s=50,
        measure_events_per_s=5_000,
        publish_frames_per_s=2_000,
        sink_rows_per_s=10_000,
        frame_bytes=20_000,
        observation_bytes=500,
        row_bytes=100,
        frames_per_s=10,
        rows_per_stand_hour=1_000,
        hours_per_day=12,
        peak=2,
        utilisation=0.5,
        observe_cores=2,
        box_cores=8,
        replication=3,
        frames_minutes=30,
        retention_days=2,
        broker_mb_per_s=40,
        stands_per_site=100,
        clickhouse_days=100,
        shard_tb=0.005,
    )
    plan = plan_for(100, given)
    assert (plan.sites, plan.frames_per_s, plan.frames_mb_per_s) == (1, 1_000, 20.0)
    assert (plan.observe_cores, plan.observe_workers, plan.partitions) == (40, 20, 48)
    assert (plan.measure_workers, plan.capture_services, plan.sinks) == (1 + 1, 1, 1 + 1)
    assert plan.brokers == 3, "60 MB/s of 20 MB/s each"
    assert plan.copies_per_broker == 480, "ten topics of 48 partitions, three copies on three brokers"
    # 1,000 x 20 KB x 1,800 s = 36 GB of frames, 1,000 x 500 B x 86,400 s = 43.2 GB of observations, times 3
    assert plan.kafka_tb == 0.24
    assert plan.rows_per_day == 1_200_000
    assert plan.clickhouse_gb_per_day == 0.12
    assert plan.shards == 3, "12 GB by 5 GB"
    assert plan_for(200, given).sites == 2
    assert plan_for(10, given).brokers == 1, "one box"


def test_inputs_are_taken_from_the_benchmarks() -> None:
    speed = {"per_s": 1000.0, "mb_per_s": 0.2}
    result = {
        "parts": {
            "publish": [{"ours": {"per_s": 1.0}}, {"ours": {"per_s": 2.0}}],
            "faust": [{"ours": {"per_s": 3.0}}],
            "measure": [{"ours": speed}],
            "sink": [{"ours": {"per_s": 4.0}}, {"ours": {"per_s": 5.0}}],
            "density": {"frame_bytes": 6},
        }
    }
    found = measured_by(result)
    assert found == {
        "publish_frames_per_s": 1.0,
        "measure_events_per_s": 3.0,
        "observation_bytes": 330.0,
        "sink_rows_per_s": 5.0,
        "frame_bytes": 6.0,
    }
    assert measured_by({"parts": {}}) == {}
    assert measured_by({"ms_per_frame": 14.0, "frames_per_second": 70}) == {"observe_frames_per_s": 70.0}
    assert measured_by({"row_bytes": 50, "rows_per_stand_hour": 9}) == {
        "row_bytes": 50.0,
        "rows_per_stand_hour": 9.0,
    }
    assert set(found) <= {field.name for field in msgspec.structs.fields(Inputs)}
