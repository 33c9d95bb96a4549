"""Does a test notice when its safeguard is taken out? A proof that passes without it proves nothing."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from caching.redis import Script

Sabotage = Callable[[], AbstractContextManager[Any]]


def needs(**safeguards: Sabotage) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the test as it is, and once more with each of these safeguards taken out: then it must fail."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, without: Sabotage | None, **kwargs: Any) -> None:
            if without is None:
                test(*args, **kwargs)
                return
            with without(), pytest.raises(AssertionError):
                test(*args, **kwargs)

        signature = inspect.signature(test)
        extra = inspect.Parameter("without", inspect.Parameter.KEYWORD_ONLY)
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*signature.parameters.values(), extra]
        )
        names = ["whole", *(f"without {name.replace('_', ' ')}" for name in safeguards)]
        return pytest.mark.parametrize("without", [None, *safeguards.values()], ids=names)(run)

    return decorate


def scripts(*changed: Script, line: str, instead: str) -> Sabotage:
    """These scripts with one piece of their Lua replaced; it must be there, or the test is out of date."""

    @contextmanager
    def sabotaged() -> Iterator[None]:
        kept = [(script, script.text, script.sha) for script in changed]
        for script in changed:
            assert line in script.text, f"{script.name} has no {line!r}"
            script.text = script.text.replace(line, instead)
            script.sha = hashlib.sha1(script.text.encode(), usedforsecurity=False).hexdigest()
        try:
            yield
        finally:
            for script, text, sha in kept:
                script.text, script.sha = text, sha

    return sabotaged


def attribute(of: Any, name: str, instead: Any) -> Sabotage:
    """An attribute of the engine replaced."""
    return lambda: patch.object(of, name, instead)
