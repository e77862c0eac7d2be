"""`hitl appeal`: contest the decision about a request; an expert who took no part judges it anew."""

import getpass
import time
import uuid

import click

from infra.cli.cluster import opened
from infra.cli.output import json_option, show
from producers.gateway.appeals import Ruling, Statement, appeal_against, decided, file_appeal

SENTENCES = {
    "reopened": "an expert is asked to judge it anew",
    "waits": "it waits for a review that is under way; then an expert is asked",
}


@click.command()
@click.argument("request_id")
@click.option("--statement", default="", help="Why the decision is wrong; the expert reads it.")
@click.option("--by", "--reviewer", "filed_by", default=getpass.getuser, help="Who appeals (default: your user name).")
@click.option("--id", "appeal_id", help="An id of your own: sent again, it changes nothing.")
@json_option
def appeal(request_id: str, statement: str, filed_by: str, appeal_id: str | None, as_json: bool) -> int:
    """Contest the outcome of a request and say what became of the appeal; exit 1 when it is refused.

    What an expert then answers arrives on `outcomes` as OutcomeAmended or OutcomeUpheld; `hitl audit show` tells it.
    """
    said = Statement(appeal_id or f"hitl-appeal:{uuid.uuid4()}", statement, filed_by, time.time_ns() // 1_000_000)
    with opened() as (log, codec):
        filed = appeal_against(*decided(log, codec, request_id), said, codec)
        ruling = file_appeal(log, codec, filed)
    show(ruling, as_json=as_json, text=lambda: ruling_text(ruling))
    return 1 if ruling.became == "refused" else 0


def ruling_text(ruling: Ruling) -> str:
    """What became of an appeal, in a sentence."""
    if ruling.became == "refused":
        return f"{ruling.request_id}: the appeal is refused ({ruling.reason}): {ruling.detail}"
    return f"{ruling.request_id}: appealed ({ruling.appeal_id}): {SENTENCES[ruling.became]}"
