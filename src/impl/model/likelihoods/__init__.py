"""One file a likelihood and one line here; contract tests iterate over `LIKELIHOODS`."""

from __future__ import annotations

from impl.model.likelihoods.betabinomial import BETABINOMIAL
from impl.model.likelihoods.binomial import BINOMIAL
from impl.model.likelihoods.likelihood import Likelihood
from impl.model.likelihoods.negbin import NEGBIN
from impl.model.likelihoods.normal import NORMAL
from impl.model.likelihoods.ordered import ORDERED
from impl.model.likelihoods.poisson import POISSON
from impl.model.likelihoods.student import STUDENT

LIKELIHOODS: dict[str, Likelihood] = {
    law.name: law for law in (POISSON, NEGBIN, BINOMIAL, BETABINOMIAL, NORMAL, STUDENT, ORDERED)
}
