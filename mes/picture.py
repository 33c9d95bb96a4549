"""Where does the picture of a model lie? Drawn once when it is measured, and kept beside its file."""

import os
import tempfile
from pathlib import Path

from django.conf import settings

from events.model_files import StoredModel


def path_of(model: StoredModel) -> Path:
    """Where the picture of a stored model lies, if there is one."""
    return Path(settings.MODELS_ROOT) / f"{model.path}.png"


def keep(model: StoredModel, picture: bytes) -> None:
    """Keep the picture beside the model's file. It appears whole or not at all."""
    target = path_of(model)
    if picture:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix="incoming-", delete=False) as incoming:
            incoming.write(picture)
            os.fchmod(incoming.fileno(), 0o444)
        Path(incoming.name).replace(target)
