"""What each column of the published tables means: `data-dictionary.csv`, for whoever opens them without this program."""

from __future__ import annotations

DICTIONARY_FILE = "data-dictionary.csv"
DICTIONARY_COLUMNS = ("file", "column", "kind", "meaning")

_LAW = "0 to 1"
ESTIMATES: dict[str, tuple[str, str]] = {
    "measure": ("id", "Measure in the catalogue; release.json has its name, unit and good direction."),
    "bundle": ("id", "Change bundle that the estimate is about."),
    "estimand": (
        "word",
        ("tate: average over the window; pte: one time since start; level, slope; group: sites of one group; contrast: two "
        "groups; tate_site: every site counts the same; population: sites like these; new_site: one more site; lte: last "
        "time since start; ctate: every calendar period counts the same; established, earlier: thought experiments; "
        "other_bundle; moderation: one modification against none; dose, dose_target: by share delivered; reporting: by "
        "change in the share reported."),
    ),
    "from": ("whole number", "First period since start that is averaged over; 1 is the first whole one."),
    "to": ("whole number", "Last period since start that is averaged over."),
    "scale": (
        "word",
        ("link: log rate ratio, log odds ratio or plain; ratio: with divided by without the bundle; difference: with minus "
        "without, in the unit of the measure (percentage points for shares); averted: events, positive is fewer."),
    ),
    "group": ("word", "Which sites, kind of modification, bundle or share; empty where there is only one."),
    "mean": ("number", "Posterior mean."),
    "sd": ("number", "Posterior standard deviation."),
    "median": ("number", "Posterior median: the number that reports show."),
    "lower": ("number", "Lower end of the equal-tailed interval."),
    "upper": ("number", "Upper end of the equal-tailed interval."),
    "level": (_LAW, "Probability that the interval holds: 0.5 or 0.9."),
    "p_better": (_LAW, "Probability of a change in the good direction; empty where none is good."),
    "p_worthwhile": (_LAW, "Probability of a change for the better of at least the study's smallest worthwhile one."),
    "p_negligible": (_LAW, "Probability of a change too small to matter, either way."),
    "p_harm": (_LAW, "Probability of a change for the worse of at least the study's limit of harm."),
}  # fmt: skip
CURVES: dict[str, tuple[str, str]] = {
    "measure": ("id", "Measure in the catalogue."),
    "step": ("word", "Length of a period as shown: month, quarter, tertial, half_year, year or phase."),
    "start": ("date", "First day of the period."),
    "end": ("date", "Last day of the period."),
    "observed": ("number", "Measured level over all sites, in the unit of the measure; empty where hidden."),
    **{
        f"q{quantile:02d}": (
            "number", f"Level expected without the bundle, chance included: {quantile} per cent of measurements lie below.",
        )
        for quantile in (5, 10, 25, 50, 75, 90, 95)
    },
    "sites_started": ("whole number", "Sites that had started in the period."),
    "hidden": ("true or false", "Whether the numbers of the period are hidden to protect privacy."),
}  # fmt: skip


def dictionary_rows() -> list[dict[str, str]]:
    """One row a column, in the order of the tables."""
    tables = {"estimates.csv": ESTIMATES, "curves.csv": CURVES}
    return [
        dict(zip(DICTIONARY_COLUMNS, (file, column, *said), strict=True))
        for file, columns in tables.items()
        for column, said in columns.items()
    ]
