"""The panel: checked cells of site x period, with roll-out and adaptations, ready for any model.

`Panel` is confidential. Building one is the only way in: what the contract refuses never reaches a model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.files.calendar import Period

__all__ = ["Panel", "PanelWarning", "Period"]


@dataclass(frozen=True, kw_only=True)
class PanelWarning:
    """Something the reader should know that does not stop the run; the words live in the language files."""

    code: str
    values: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Checked input of one study.

    cells: one row per measure x site x period on the full grid, sorted by measure, site, period, columns
        `measure` (str), `site` (str), `period` (int, position in `periods`), `numerator` (float),
        `denominator` (float), `sum_squares` (float, within-cell sum of squared deviations, measures of
        kind mean only, else NaN), `at_least`, `at_most` (float, NaN unless the count is known as an
        interval only; both bounds belong to it), `person_sum_squares` (float, mean measures of a closed
        cohort: sum of squared deviations of the persons' own means over time from the site's, the same in
        every row of a site, NaN where not given and where a stop left periods out), `observed` (bool).
        Where `observed` is False the numerator is NaN: the count was hidden but is known as an interval
        (then `denominator`, `at_least` and `at_most` are there), or the cell is a declared gap or was not
        in the file (then everything is NaN; it leaves the likelihood and is counted).
    sites: site codes in code order. periods: contiguous calendar periods of equal kind.
    period_months: length of a period in months (1, 3, 4, 6, 12; 12/52.1775 for weeks).
    rollout: one row a site in the order of `sites`, columns `site`, `state` (start | never | before-data),
        by the start that counts (the study file's `rollout.starts`: allocated or actual),
        `stratum` (str, "" where none is given), `components` (str, ids that the site picked from a
        programme, separated by a semicolon, "" where not said),
        `allocated_start`, `actual_start`, `transition_end`, `stop` (date or None), and positions
        `start_period` (float: first *full* intervention period, may lie after the last period; NaN for
        never and before-data), `transition_from` (float: first period touched by the bundle before
        start_period, NaN if none), `stop_period` (float: first period without the bundle, NaN if none).
    other_start: the roll-out of the study's bundle by the start that does not count, rows and columns as `rollout`; None
        where no site would have another state or start period by it, or one would have started before the data.
    adaptations: None or one row a modification: `site`, `start` (date), `end` (date | None), `component`,
        `nature`, `consistent` (yes | no | unknown), `planned` (yes | no | unknown), `reactive` (yes | no |
        unknown: an answer to something, not thought of beforehand), `target` (intervention | strategy),
        `component_role` (core | periphery | unknown), `systematic` (yes | no | unknown), `when`,
        `decided_by`, `what`, `goal`, `reason_level`, `level` (ids of FRAME, several separated by a
        semicolon as in `nature`, "" where not given), `modification` (code or ""),
        `from_period` (int: first period that begins on or after `start`; may lie after the last period).
    names: site code -> name shown to readers (the code where no name was given).
    vintage: date of extraction of the newest row, if the table states one.
    warnings: what `impl check` prints and the Release carries.
    other_rollouts: bundle -> roll-out of a further bundle, rows and columns as `rollout`.
    answers: ordered measure -> answers by category, site x period x category (NaN where not observed); the
        cells' `numerator` counts those at or above the measure's stated level.
    covariates: None or one row a site x period on the full grid, sorted: `site`, `period` and one column a
        declared covariate (float, NaN where the table has no value).
    interruptions: declared shock -> first period and the period after its last.
    codings: None or one row a modification that two coders coded: `modification`, `nature`, `consistent`,
        `second_nature`, `second_consistent`.
    fidelity: None or one row an audit: `site`, `period` (int), `component` (`all` for the whole bundle),
        `delivered`, `eligible` (float, NaN where not reported), `reported` (bool).
    strategies: None or one row a strategy: `site`, `start`, `end` (date | None), `strategy` (ERIC),
        `barrier` (CFIR, several separated by a semicolon, "" where the log says why there is none),
        `intensity` (diffusion | dissemination | implementation), `from_period` as in adaptations.
    cycles: None or one row a PDSA cycle: `site`, `cycle`, `date`, `predicted` (bool), `decision` (adopt |
        adapt | abandon | "" while it runs), `period` (float: the one that holds the date, NaN outside).
    phases: None or one row a step of the wheel that a site entered: `site`, `start`, `phase` (prepare |
        plan | do | evaluate | follow_up), `from_period` as in adaptations.
    fit_form: None or one row an answer: `site`, `question`, `answer` (int, 1 to 5).
    support: None or one row a line of the table: `site`, `support_end`, `pause_start`, `pause_end` (date |
        None), and positions (float, NaN without the date, after the last period where there is none):
        `support_end_period` (first full period after support), `pause_from` (first period touched by the
        pause), `pause_until` (first full period after it; NaN where it lasts).
    gaps: None or one row a cell without a number, in the order of `cells`: `measure`, `site`, `period` (int),
        `why` (a word of impl.release.quality.Why).
    targets: None or one row a site, measure and period with a target in force on the period's last day: `site`,
        `measure`, `period` (int), `target` (float, on the measure's reported scale).
    """

    cells: pd.DataFrame
    sites: tuple[str, ...]
    periods: tuple[Period, ...]
    period_months: float
    rollout: pd.DataFrame
    adaptations: pd.DataFrame | None
    names: dict[str, str]
    vintage: date | None
    warnings: tuple[PanelWarning, ...] = ()
    other_rollouts: dict[str, pd.DataFrame] = field(default_factory=dict)
    answers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    covariates: pd.DataFrame | None = None
    interruptions: dict[str, tuple[int, int]] = field(default_factory=dict)
    codings: pd.DataFrame | None = None
    fidelity: pd.DataFrame | None = None
    strategies: pd.DataFrame | None = None
    cycles: pd.DataFrame | None = None
    phases: pd.DataFrame | None = None
    fit_form: pd.DataFrame | None = None
    support: pd.DataFrame | None = None
    targets: pd.DataFrame | None = None
    gaps: pd.DataFrame | None = None
    other_start: pd.DataFrame | None = None
