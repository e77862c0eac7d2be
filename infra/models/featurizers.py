"""The featurizers by name, as a manifest or a workflow file calls them."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from infra.models.bags import Featurizer, Parameters
from infra.models.tabular import TabularFeaturizer
from infra.models.text import TextFeaturizer
from infra.models.vector import VectorFeaturizer


class UnknownFeaturizer(ValueError):
    """No such featurizer, or wrong parameters. Correct the workflow file, or use the build that wrote the model."""


KINDS: Final[Mapping[str, Callable[[Parameters], Featurizer]]] = {
    "tabular": lambda parameters: msgspec.convert(parameters, TabularFeaturizer),
    "text": lambda parameters: msgspec.convert(parameters, TextFeaturizer),
    "vector": lambda parameters: msgspec.convert(parameters, VectorFeaturizer),
}


def featurizer(name: str, parameters: Parameters) -> Featurizer:
    """The featurizer `name` with `parameters`; raises UnknownFeaturizer."""
    try:
        return KINDS[name](parameters)
    except KeyError:
        raise UnknownFeaturizer(f"no featurizer {name!r}; there are {', '.join(sorted(KINDS))}") from None
    except msgspec.ValidationError as error:
        raise UnknownFeaturizer(f"featurizer {name!r}: {error}; parameters were {dict(parameters)}") from error
