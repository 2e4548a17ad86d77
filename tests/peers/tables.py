"""Write docs/validation/peers.md from the figures that `make peers` left in build/peers."""

from __future__ import annotations

import json
from typing import Any

from cases import AGAINST_LIKELIHOOD, REPOSITORY, SEED, WITH_SAME_PRIORS, Case
from compare import CHAINS, DRAWS, FOLDER, OWN_DRAWS, WARMUP
from test_brms import MOST_MCSE, MOST_SD
from test_glmmtmb import MOST_SE, SPREAD

PAGE = REPOSITORY / "docs" / "validation" / "peers.md"
Record = dict[str, Any]


def read(cases: tuple[Case, ...]) -> list[Record]:
    """Figures of the cases that were run, in their order."""
    files = (FOLDER / f"{case.name}.json" for case in cases)
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]


def brms_table(records: list[Record]) -> list[str]:
    """One line a case: the effect in both programs, and the worst agreement over all quantities."""
    lines = [
        "| case | quantities | effect: brms | impl | means apart, SD (MCSE) | SD ratio (MCSE) | least ESS: brms | impl |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for record in records:
        rows = record["rows"]
        effect = next(row for row in rows if row["quantity"] == "effect_window")
        mean = max(rows, key=lambda row: abs(row["difference"]))
        spreads = [row["spread"] for row in rows]
        lines.append(
            f"| `{record['case']}` | {len(rows)}"
            f" | {effect['peer_mean']:.4f} ({effect['peer_sd']:.4f}) | {effect['mean']:.4f} ({effect['sd']:.4f})"
            f" | {abs(mean['difference']):.3f} ({max(abs(row['difference_mcse']) for row in rows):.1f}), {mean['quantity']}"
            f" | {min(spreads):.3f}–{max(spreads):.3f} ({max(abs(row['spread_mcse']) for row in rows):.1f})"
            f" | {min(row['peer_ess'] for row in rows):.0f} | {min(row['ess'] for row in rows):.0f} |"
        )
    return lines


def glmmtmb_table(records: list[Record]) -> list[str]:
    lines = [
        "| case | glmmTMB, estimate (SE) | impl, mean (SD) | difference, SE | SD / SE |",
        "|---|---|---|---|---|",
    ]
    for record in records:
        row = record["rows"][0]
        lines.append(
            f"| `{record['case']}` | {row['peer_mean']:.4f} ({row['peer_sd']:.4f}) | {row['mean']:.4f} ({row['sd']:.4f})"
            f" | {row['difference']:+.3f} | {row['spread']:.3f} |"
        )
    return lines


def main() -> None:
    brms, glmmtmb = read(WITH_SAME_PRIORS), read(AGAINST_LIKELIHOOD)
    if not brms and not glmmtmb:  # nothing was run: the page keeps its figures
        return
    versions = {**(brms[0]["spent"] if brms else {}), **(glmmtmb[0]["spent"] if glmmtmb else {})}
    used = ", ".join(
        f"{name} {versions[name]}" for name in ("r", "brms", "rstan", "glmmtmb") if name in versions
    )
    text = f"""\
# Other programs on the same data

`make peers` simulates the studies of `tests/peers/cases.py` (seed {SEED}), writes each as a project of plain files,
lets R and impl read the same files, and compares. Needs R with brms and glmmTMB (Debian: `r-cran-brms`,
`r-cran-glmmtmb`); where they are absent the tests skip and say so. The R scripts derive the design and state the priors
by themselves, from docs/model.md. This page is written by the same command. Versions: {used}.

## brms, with the same priors

{CHAINS} chains x ({WARMUP} + {DRAWS}) in brms, x ({WARMUP} + {OWN_DRAWS}) in impl. Required of mean and SD of *every* quantity
(effect first, last and over the window, intercept, calendar, all scales and correlations): at most {MOST_MCSE:g} Monte
Carlo standard errors (MCSE) of both programs together, and at most {MOST_SD:g} SD. The table shows the largest of each case.

{chr(10).join(brms_table(brms))}

How the priors are stated where brms has no words for them:
- *zero-sum normal* (calendar, waves, `eti`): independent normal coefficients of an orthonormal sum-to-zero basis;
- *steps with one scale* (`rw`, `teh`, smooth calendar, season): a multi-membership term of one member a column;
- *nested*: total SD ~ HalfNormal(0.5) and share ~ Beta(3, 1), on brms's two SDs with their Jacobian (`stanvar`);
- *decay*: `ar(cov = TRUE)`, the same total SD and correlation at three months ~ Beta(3, 1), with Jacobian;
- *dispersions*: HalfNormal on 1/sqrt(shape), Beta on 1/(1 + phi), with Jacobian; ordered: intercept and gaps;
- *persons*: brms sees every person, impl the cells' sums and sums of squares.

Not compared: `growth` (not linear in its parameters), cohort, further bundles, contrast, intervals for small counts.

## glmmTMB, maximum likelihood (REML for persons)

40 sites x 12 periods, constant effect, `priors: wide`. Required: {MOST_SE:g} SE, SD / SE in {SPREAD[0]:g}–{SPREAD[1]:g}.

{chr(10).join(glmmtmb_table(glmmtmb))}
"""
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
