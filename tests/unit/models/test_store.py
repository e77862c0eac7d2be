from pathlib import Path

import msgspec
import numpy as np
import pytest

from infra.models.artefact import FeaturizerSpec, Manifest, Model, Provenance, seal, with_calibrator
from infra.models.calibrator import CalibratorKind, calibrator
from infra.models.store import ModelCorrupt, ModelNotFound, UnknownStore, load, model_uri, open_store, save
from infra.models.tensors import MalformedTensors, decode_tensors, encode_tensors


def a_model(value: float = 0.5) -> Model:
    manifest = Manifest(
        workflow="toy",
        classes=("no", "yes"),
        approving_class="yes",
        featurizer=FeaturizerSpec(name="vector", parameters={"dimensions": 3, "mean": [], "deviation": []}),
        provenance=Provenance(dataset_digest="d", label_counts={"no": 1, "yes": 2}, figures={"brier": 0.1}),
    )
    return seal(manifest, {"weights": np.full((3, 1), value, np.float32), "bias": np.zeros(1, np.float32)})


def test_a_stored_model_is_loaded_as_it_was(tmp_path: Path) -> None:
    model = a_model()
    digest = save(str(tmp_path), model)
    loaded = load(f"file://{tmp_path}", digest)
    assert loaded.manifest == model.manifest
    assert loaded.digest == digest == model.digest
    assert all((loaded.tensors[name] == model.tensors[name]).all() for name in model.tensors)


def test_storing_again_changes_nothing(tmp_path: Path) -> None:
    digest = save(str(tmp_path), a_model())
    before = (tmp_path / digest / "manifest.json").stat().st_mtime_ns
    assert save(str(tmp_path), a_model()) == digest
    assert (tmp_path / digest / "manifest.json").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [digest]


def test_weights_and_calibrator_are_part_of_the_digest() -> None:
    other = with_calibrator(a_model(), calibrator(CalibratorKind.TEMPERATURE, 2.0), {"brier": 0.05})
    assert len({a_model().digest, a_model(0.6).digest, other.digest}) == 3
    assert other.manifest.provenance.figures == {"brier": 0.05}


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors"])
def test_a_changed_byte_is_found_and_saving_again_repairs_it(tmp_path: Path, name: str) -> None:
    digest = save(str(tmp_path), a_model())
    path = tmp_path / digest / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt, match="was changed: delete that folder"):
        load(str(tmp_path), digest)
    save(str(tmp_path), a_model())
    assert load(str(tmp_path), digest).digest == digest


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="check HITL_MODEL_STORE"):
        load(str(tmp_path / "nowhere"), "0" * 64)


@pytest.mark.parametrize("digest", ["", "../../etc", "0" * 63, "g" * 64])
def test_what_is_not_a_digest_never_reaches_the_disk(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ModelNotFound, match="not a model digest"):
        load(str(tmp_path), digest)


def test_drafts_are_not_listed(tmp_path: Path) -> None:
    digest = save(str(tmp_path), a_model())
    (tmp_path / ".draft-crashed").mkdir()
    assert open_store(str(tmp_path)).digests() == [digest]
    assert open_store(str(tmp_path / "none")).digests() == []


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(UnknownStore, match="file:///absolute/path"):
        open_store("s3://bucket/models")


def test_a_uri_names_the_model() -> None:
    assert model_uri("file:///models/", "ab") == "file:///models/ab"


def test_a_manifest_without_its_approving_class_is_refused() -> None:
    with pytest.raises(ValueError, match="approving class"):
        msgspec.structs.replace(a_model().manifest, approving_class="maybe")


def test_tensors_do_not_depend_on_the_order_of_names() -> None:
    one, two = np.ones((2, 3), np.float32), np.zeros((0, 4), np.float32)
    raw = encode_tensors({"a": one, "b": two})
    assert raw == encode_tensors({"b": two, "a": one})
    assert {name: tensor.shape for name, tensor in decode_tensors(raw).items()} == {"a": (2, 3), "b": (0, 4)}


@pytest.mark.parametrize(
    "raw", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", encode_tensors({"a": np.ones(4, np.float32)})[:-1]]
)
def test_bytes_that_are_no_tensors_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedTensors):
        decode_tensors(raw)
