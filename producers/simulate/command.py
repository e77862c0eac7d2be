"""`hitl simulate`: recorded data as files, to try the pipeline with before one has data of one's own."""

from pathlib import Path
from typing import Final

import click

from infra.cli.files import writing
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, show
from infra.cli.ranges import FiniteRange
from producers.simulate.davidson import SEED_POSTS, load_posts
from producers.simulate.files import Files, csv_files
from producers.simulate.german_credit import SEED_APPLICATIONS, load_applications
from producers.simulate.loan_files import AUDIT_SHARE, loan_files

FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=CommandGroup)
def simulate() -> None:
    """Write recorded data to files, to try things out with."""


@simulate.command(name="davidson")
@click.option("--seed-file", type=FILE, required=True, help="CSV for the labelled posts of the first model.")
@click.option("--stream-file", type=FILE, required=True, help="CSV for the posts to be decided, without labels.")
@click.option("--posts", default=6_000, show_default=True, type=click.IntRange(min=1), help="Posts of the stream.")
@click.option(
    "--seed-posts", default=SEED_POSTS, show_default=True, type=click.IntRange(min=1), help="Posts of the seed."
)
@click.option("--seed", default=1, show_default=True, help="Number that chooses the posts.")
@click.option("--new-file", type=FILE, help="CSV for later posts, which simulated people leave to you.")
@click.option("--new-posts", default=0, type=click.IntRange(min=0), help="How many those are.")
@json_option
def davidson(
    seed_file: Path,
    stream_file: Path,
    posts: int,
    seed_posts: int,
    seed: int,
    new_file: Path | None,
    new_posts: int,
    as_json: bool,
) -> None:
    """Real posts (Davidson et al. 2017), some with the label that most people gave them, the others without."""
    files = csv_files(load_posts(), stream_posts=posts, seed=seed, seed_posts=seed_posts, new_posts=new_posts)
    _write_all(files, seed_file, stream_file, new_file)
    show(
        {"seed_file": seed_file, "seed_posts": seed_posts, "stream_file": stream_file, "posts": posts},
        as_json=as_json,
        text=f"{seed_posts:,} labelled posts in {seed_file}, {posts:,} posts in {stream_file}",
    )


@simulate.command(name="german-credit")
@click.option("--seed-file", type=FILE, required=True, help="CSV for the labelled applications of the first model.")
@click.option("--stream-file", type=FILE, required=True, help="CSV for the applications to be decided, without labels.")
@click.option("--applications", type=click.IntRange(min=1), help="Applications of the stream; all others if not given.")
@click.option(
    "--seed-applications",
    default=SEED_APPLICATIONS,
    show_default=True,
    type=click.IntRange(min=1),
    help="Applications of the seed.",
)
@click.option("--seed", default=1, show_default=True, help="Number that chooses the applications.")
@click.option("--new-file", type=FILE, help="CSV for later applications, which simulated people leave to you.")
@click.option("--new-applications", default=0, type=click.IntRange(min=0), help="How many those are.")
@click.option(
    "--audit-share",
    default=AUDIT_SHARE,
    show_default=True,
    type=FiniteRange(min=0, max=1),
    help="Share of the stream that requires a person, as an auditor would ask for one; chosen by hash.",
)
@json_option
def german_credit(
    seed_file: Path,
    stream_file: Path,
    applications: int | None,
    seed_applications: int,
    seed: int,
    new_file: Path | None,
    new_applications: int,
    audit_share: float,
    as_json: bool,
) -> None:
    """Real loan applications (Hofmann 1994), some with the decision that their outcome calls right, others without."""
    files = loan_files(
        load_applications(),
        stream_applications=applications,
        seed=seed,
        seed_applications=seed_applications,
        audit_share=audit_share,
        new_applications=new_applications,
    )
    _write_all(files, seed_file, stream_file, new_file)
    written = files.stream.count("\n") - 1
    show(
        {
            "seed_file": seed_file,
            "seed_applications": seed_applications,
            "stream_file": stream_file,
            "applications": written,
        },
        as_json=as_json,
        text=f"{seed_applications:,} labelled applications in {seed_file}, {written:,} in {stream_file}",
    )


def _write_all(files: Files, seed_file: Path, stream_file: Path, new_file: Path | None) -> None:
    _write(seed_file, files.seed)
    _write(stream_file, files.stream)
    if new_file is not None:
        _write(new_file, files.new)


def _write(path: Path, text: str) -> None:
    with writing(path):
        path.write_text(text, encoding="utf-8", newline="")
