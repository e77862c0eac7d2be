"""The content-addressed model store: `<store>/<digest>/{manifest.json, weights.safetensors}` behind a URI.

Errors: ModelError ← ModelNotFound, ModelCorrupt, UnknownStore.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from infra.models.artefact import FORMAT, Manifest, Model, encode_manifest
from infra.models.tensors import MalformedTensors, decode_tensors, encode_tensors

MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "weights.safetensors"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class ModelError(Exception):
    """The model store could not serve a model."""


class ModelNotFound(ModelError):
    """The store holds no such model. Check HITL_MODEL_STORE and the digest, or train again (same data, same digest)."""


class ModelCorrupt(ModelError):
    """The stored bytes are not those written. Delete the model's folder, then restore it from a copy or train again."""


class UnknownStore(ModelError):
    """The store's URI is of a kind this build cannot read. Use a folder path or a file:// URI."""


class Store(Protocol):
    """Write-once files under a digest; `put` is atomic: readers see all files of a digest or none."""

    def put(self, digest: str, files: Mapping[str, bytes]) -> None: ...

    def get(self, digest: str, name: str) -> bytes:
        """The file; raises ModelNotFound."""
        ...

    def digests(self) -> list[str]: ...


class FolderStore:
    """A store in a local or mounted folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, digest: str, files: Mapping[str, bytes]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        target = self.root / digest
        if self._holds(target, files):
            return
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        try:
            for name, content in files.items():
                (draft / name).write_bytes(content)
            draft.chmod(0o755)  # mkdtemp makes it private; other services read it, too
            if target.exists():
                target.rename(draft.with_name(f"{draft.name}-damaged"))
            draft.rename(target)
        except OSError:
            if not self._holds(target, files):  # else another writer was faster
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(draft.with_name(f"{draft.name}-damaged"), ignore_errors=True)

    def get(self, digest: str, name: str) -> bytes:
        try:
            return (self.root / digest / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise ModelNotFound(
                f"no model {digest} in {self.root}: check HITL_MODEL_STORE and the digest, or train again"
            ) from None

    def digests(self) -> list[str]:
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if DIGEST.fullmatch(path.name))

    @staticmethod
    def _holds(target: Path, files: Mapping[str, bytes]) -> bool:
        return all(
            (target / name).is_file() and (target / name).read_bytes() == content for name, content in files.items()
        )


def open_store(uri: str) -> Store:
    """The store behind a folder path or file:// URI; raises UnknownStore."""
    if "://" not in uri:
        return FolderStore(Path(uri).expanduser())
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise UnknownStore(f"cannot open the model store {uri!r}: use a folder path or a file:///absolute/path URI")
    return FolderStore(Path(unquote(parts.path)))


def model_uri(store: str, digest: str) -> str:
    """Where a model of a store lies, as events name it."""
    return f"{store.rstrip('/')}/{digest}"


def save(store: str, model: Model) -> str:
    """Stores the model and returns its digest; storing it again changes nothing."""
    digest = model.digest
    open_store(store).put(digest, {MANIFEST: encode_manifest(model.manifest), WEIGHTS: encode_tensors(model.tensors)})
    return digest


def load(store: str, digest: str) -> Model:
    """The model of that digest, every byte checked; raises ModelNotFound, ModelCorrupt."""
    if not DIGEST.fullmatch(digest):
        raise ModelNotFound(f"{digest!r} is not a model digest (64 hexadecimal digits); list the models to find it")
    opened = open_store(store)
    manifest = _manifest(opened.get(digest, MANIFEST), digest, store)
    weights = opened.get(digest, WEIGHTS)
    _check(hashlib.sha256(weights).hexdigest() == manifest.weights_sha256, WEIGHTS, digest, store)
    try:
        return Model(manifest, decode_tensors(weights))
    except MalformedTensors as error:
        raise ModelCorrupt(f"{WEIGHTS} of model {digest} in {store} is not readable: {error}; train again") from error


def _manifest(raw: bytes, digest: str, store: str) -> Manifest:
    _check(hashlib.sha256(raw).hexdigest() == digest, MANIFEST, digest, store)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.ValidationError as error:
        raise ModelCorrupt(
            f"the manifest of model {digest} does not fit this build ({error}); load it with the build that wrote it"
        ) from error
    if manifest.format != FORMAT:
        raise ModelCorrupt(
            f"model {digest} has format {manifest.format}, not {FORMAT}; load it with the build that wrote it"
        )
    return manifest


def _check(intact: bool, name: str, digest: str, store: str) -> None:
    if not intact:
        raise ModelCorrupt(
            f"{name} of model {digest} in {store} was changed: delete that folder, then restore or train it"
        )
