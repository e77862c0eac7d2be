"""The whole pipeline, once for all tests of this folder that need it."""

from collections.abc import Iterator

import pytest

from infra.kafka.publisher import publish
from schemas.events import PolicyPublished
from schemas.topics import POLICIES
from tests.support.foreign import PEOPLE, Client, client
from tests.support.stand import DOCUMENT, Stand
from tests.support.traffic import CODEC, WORKFLOW


@pytest.fixture(scope="session", params=["node", "go"])
def foreign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The programs of a language."""
    return client(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """All services; a workflow with a model that was taught, and one without."""
    stand = Stand(tmp_path_factory.mktemp("foreign"))
    try:
        stand.up()
        stand.publish_policy(DOCUMENT.replace("audit_share = 0.2", "audit_share = 0.0"))
        letters = PolicyPublished(
            event_id=f"policy:{PEOPLE}", workflow=PEOPLE, version=1, digest="1" * 64,
            document=DOCUMENT.replace(f'"{WORKFLOW}"', f'"{PEOPLE}"'), published_by="test", published_at=0,
        )  # fmt: skip
        publish(stand.log, CODEC, [POLICIES.message(letters)])
        stand.teach()  # when that is done, every service follows both policies
        yield stand
    finally:
        stand.down()
