"""What the answer rests on: single cells (leave-one-out) and the priors (power scaling). No refits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from arviz_stats.base import array_stats

from impl.model.criticism.marginal import cell_marginal, observed_cells, predictors, thinned
from impl.model.criticism.prior_laws import effect_laws, log_prior, prior_laws
from impl.model.fitted import Fit
from impl.model.values import LeaveOneOut

Array = npt.NDArray[np.float64]
DRAWS = 4000  # for leave-one-out …
LARGEST = 8_000_000  # … and draws x cells that are held at a time
INFLUENTIAL = 0.7  # Pareto k above which leaving a cell out cannot be trusted (Vehtari et al. 2024)
SCALING = (0.99, 1.01)  # powers of the prior (Kallioinen et al. 2024)


def leave_one_out(fit: Fit) -> LeaveOneOut | None:
    """Pareto-smoothed leave-one-out over the cells of the likelihood, cell terms integrated out (Vehtari et
    al. 2017); intervals are not among the cells. None where correlation fades with time: a cell's neighbours
    hold its term, so a cell cannot be left out by itself (see `check_robustness` for whole sites).
    """
    structure = fit.structure
    if structure.clustering == "decay":
        return None
    rows = structure.rows[structure.rows["used"]]
    fit = thinned(fit, max(100, min(DRAWS, LARGEST // len(rows))))
    cells, law = observed_cells(structure, rows), structure.likelihood
    parts = []
    for part in predictors(fit, rows):
        if structure.latent_cells:
            sd = fit.flat("cell_sd")[part.chosen][:, None]
            parts.append(cell_marginal(law, part.centre, sd, cells, part.parameters))
        else:
            parts.append(law.log_density(part.centre, cells, part.parameters))
    density = np.concatenate(parts)
    by_chain = density.T.reshape(len(rows), fit.chains, -1)
    kept = fit.draws
    effective = array_stats.ess(np.exp(by_chain - by_chain.max(axis=(1, 2), keepdims=True)), method="mean")
    relative = float(np.nanmean(np.minimum(effective / kept, 1.0)))
    elpd, pareto_k, parameters = array_stats.loo(by_chain, r_eff=relative)
    return LeaveOneOut(
        elpd=float(np.sum(elpd)),
        standard_error=float(np.sqrt(len(rows) * np.var(elpd))),
        parameters=float(np.sum(parameters)),
        cells=rows[["site", "period"]].assign(elpd=elpd, pareto_k=pareto_k),
        good_k=float(min(1.0 - 1.0 / np.log10(kept), INFLUENTIAL)),
    )


def power_scaling(fit: Fit, effect: Array) -> pd.DataFrame:
    """Sensitivity of an effect (its draws, chains joined) to the priors: distance between cumulative distributions per
    doubling of the prior's power. Over 0.05 the prior is part of the answer (Kallioinen et al. 2024).

    Columns `priors` (`effect`: those of the effect alone; `all`), `distance`.
    """
    effect = effect.reshape(fit.chains, -1)
    rows = []
    for name, laws in (("effect", effect_laws(fit.structure)), ("all", prior_laws(fit.structure))):
        density = log_prior(fit, laws)
        lower, upper = (_weights(density, power).reshape(effect.shape) for power in SCALING)
        distance = array_stats.power_scale_sense(effect, lower, upper, *SCALING)
        rows.append({"priors": name, "distance": float(distance)})
    return pd.DataFrame(rows)


def _weights(log_density: Array, power: float) -> Array:
    log_weights = array_stats.power_scale_lw(log_density, alpha=power)
    weights = np.exp(log_weights - np.max(log_weights))
    return np.asarray(weights / weights.sum())
