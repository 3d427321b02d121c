"""`./run decaymix openapi`: the API's description for machines, without a controller."""

from typing import cast

from service.terminal import Json, settings_or_fail


def openapi(json: Json = True) -> None:
    """Print the API's description (OpenAPI 3.1, JSON): for generators, and to see what changed."""
    # Imported here: all of the service takes two seconds, and other commands need none of it.
    from service.app import create_app
    from service.openapi import written
    from workers.pool import Pool

    # Nothing of it is started, so there is no pool to be asked.
    app = create_app(settings_or_fail(), cast(Pool, None))
    print(written(app.openapi()), end="")
