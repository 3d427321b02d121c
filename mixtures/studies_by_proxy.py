"""A study whose factor is the proxy, as one study for each of its proxies.

So pico, nano and tiny on the same mixtures are one study to submit, and are compared as several.
Other factors stay at the study's own levels.
"""

from mixtures.across_proxies import ProxyStudy
from mixtures.factor_levels import at_levels, own_levels
from mixtures.factors import Level, Range
from mixtures.proxy import PRESETS, Proxy


def by_proxy(given: ProxyStudy) -> list[ProxyStudy]:
    """One for each level, called ID@LEVEL; the study itself where its proxy is no factor.

    That of an outside trainer is taken as it is where a level is no preset: its size is not known.
    """
    study = given.study
    levels = study.space.factors.get("proxy")
    if levels is None or isinstance(levels, Range) or not all(str(n) in PRESETS for n in levels):
        return [given]
    return [_at(given, level) for level in levels]


def _at(given: ProxyStudy, level: Level) -> ProxyStudy:
    study = given.study
    levels = {**own_levels(study), "proxy": level}
    proxy = Proxy.model_validate(str(level))
    if study.trained_by == "workers":
        proxy = at_levels(study.recipe, study.decay, {"proxy": level})[0].proxy
    alone = study.model_copy(
        update={"proxy": proxy, "space": study.space.model_copy(update={"factors": {}})}
    )
    return ProxyStudy(
        id=f"{given.id}@{level}",
        study=alone,
        observations=tuple(
            one.model_copy(update={"factors": {}})
            for one in given.observations
            if one.factors == levels
        ),
        parameters=proxy.num_non_embedding_parameters,
    )
