"""The synthesis against brute force, and what it says of few, missing, overlapping and unlike studies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate as quadrature
from scipy import stats

from impl.network.evidence import Planned, collect_evidence
from impl.network.normal import fit_curves, fit_regression, left_out_means, shrunken
from impl.network.synthesis import MEAN_SD, TAU_SCALE, Synthesis, synthesise
from network_releases import study_release

MEAN = np.array([-0.5, -0.1, -0.3, 0.2, -0.25])
SD = np.array([0.1, 0.2, 0.15, 0.3, 0.12])
ONE = np.ones((1, 1))


def fitted(mean: np.ndarray = MEAN, sd: np.ndarray = SD):
    return fit_regression(mean, sd, np.ones((len(mean), 1)), np.zeros(1), np.array([MEAN_SD]), TAU_SCALE)


def by_grid(mean: np.ndarray = MEAN, sd: np.ndarray = SD) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """mu, tau and their joint posterior on a fine rectangle: nothing is integrated by algebra."""
    mu, tau = np.linspace(-4, 4, 1601), np.linspace(0, 4, 801)
    log = stats.norm.logpdf(mu, 0, MEAN_SD)[:, None] + stats.norm.logpdf(tau, 0, TAU_SCALE)[None, :]
    for value, error in zip(mean, sd, strict=True):
        log = log + stats.norm.logpdf(value, mu[:, None], np.sqrt(error**2 + tau**2)[None, :])
    joint = np.exp(log - log.max())
    joint[:, [0, -1]] *= 0.5  # trapezoid: tau's density does not vanish at zero
    return mu, tau, joint / joint.sum()


@pytest.mark.parametrize("studies", [1, 2, 5])
def test_the_posterior_is_that_of_brute_force(studies: int) -> None:
    mu, tau, joint = by_grid(MEAN[:studies], SD[:studies])
    fit = fitted(MEAN[:studies], SD[:studies])
    mixture = fit.combination(ONE)
    mean, between = mixture.summaries()[0], fit.heterogeneity.summary()
    marginal = joint.sum(axis=1)
    assert mean.mean == pytest.approx(mu @ marginal, abs=1e-4)
    assert mean.sd == pytest.approx(np.sqrt((mu - mu @ marginal) ** 2 @ marginal), rel=1e-3)
    assert mixture.below(0.0)[0] == pytest.approx(
        marginal[mu < 0].sum() + marginal[mu == 0].sum() / 2, abs=1e-3
    )
    assert between.mean == pytest.approx(tau @ joint.sum(axis=0), rel=1e-3)
    cumulative = np.cumsum(joint.sum(axis=0))
    assert between.upper == pytest.approx(np.interp(0.95, cumulative, tau), rel=0.01)


def test_quantiles_are_inverse_to_chances() -> None:
    mixture = fitted().combination(ONE, new_place=True)
    for level in (0.001, 0.05, 0.5, 0.95, 0.999):
        assert mixture.below(mixture.quantiles(level))[0] == pytest.approx(level, abs=1e-9)


def test_one_more_place_is_the_mean_and_a_departure() -> None:
    fit = fitted()
    mean, place = fit.combination(ONE).summaries()[0], fit.combination(ONE, new_place=True).summaries()[0]
    tau2 = fit.heterogeneity.nodes**2 @ fit.heterogeneity.weight
    assert place.mean == pytest.approx(mean.mean)
    assert place.sd**2 == pytest.approx(mean.sd**2 + tau2)


def test_shrunken_results_are_those_of_brute_force() -> None:
    """The first study's own effect, by integrating over mu and tau numerically."""
    own = shrunken(MEAN, SD, np.ones((5, 1)), fitted()).summaries()[0]
    mu, tau, joint = by_grid()
    share = tau**2 / (tau**2 + SD[0] ** 2)
    centre = share * MEAN[0] + (1 - share) * mu[:, None]
    spread = share * SD[0] ** 2
    mean = float((centre * joint).sum())
    assert own.mean == pytest.approx(mean, abs=1e-4)
    assert own.sd == pytest.approx(np.sqrt(((spread + (centre - mean) ** 2) * joint).sum()), rel=1e-3)


def test_leaving_a_study_out_is_pooling_the_others() -> None:
    found = left_out_means(MEAN, SD, 0.0, MEAN_SD, TAU_SCALE).summaries()
    for place in range(5):
        others = fitted(np.delete(MEAN, place), np.delete(SD, place)).combination(ONE).summaries()[0]
        assert found[place].mean == pytest.approx(others.mean, abs=2e-4)
        assert found[place].sd == pytest.approx(others.sd, rel=2e-3)


def test_a_thousand_studies_know_tau_sharply() -> None:
    rng = np.random.default_rng(5)
    sd = rng.uniform(0.1, 0.2, 1000)
    mean = -0.2 + 0.2 * rng.standard_normal(1000) + sd * rng.standard_normal(1000)
    between = fitted(mean, sd).heterogeneity
    density, _ = quadrature.quad(lambda tau: _marginal(tau, mean, sd), 0.15, 0.27, points=[0.2])
    top, _ = quadrature.quad(lambda tau: tau * _marginal(tau, mean, sd), 0.15, 0.27, points=[0.2])
    assert between.summary().mean == pytest.approx(top / density, rel=1e-3)
    assert between.summary().sd < 0.01


def _marginal(tau: float, mean: np.ndarray, sd: np.ndarray) -> float:
    """Likelihood of tau up to a constant, mu integrated by its own normal law."""
    variance = sd**2 + tau**2
    precision = 1 / MEAN_SD**2 + (1 / variance).sum()
    centre = (mean / variance).sum() / precision
    log = -0.5 * np.log(variance).sum() - 0.5 * np.log(precision) - 0.5 * (mean**2 / variance).sum()
    return float(np.exp(log + 0.5 * precision * centre**2 - 0.5 * (tau / TAU_SCALE) ** 2 - 185.0))


def test_curves_of_one_time_are_the_plain_synthesis() -> None:
    whole = fit_curves(
        [MEAN[[place]] for place in range(5)], [SD[[place]][:, None] ** 2 for place in range(5)], [ONE] * 5,
        np.zeros(1), np.array([[MEAN_SD**2]]), ONE, TAU_SCALE,
    )  # fmt: skip
    plain = fitted().combination(ONE).summaries()[0]
    assert whole.combination(ONE).summaries()[0].mean == pytest.approx(plain.mean, abs=1e-9)
    assert whole.combination(ONE).summaries()[0].sd == pytest.approx(plain.sd, rel=1e-9)


# --- what is said


def network(count: int, mean: float = -0.3, *, spread: float = 0.1, sd: float = 0.12, **more: object) -> list:
    rng = np.random.default_rng(count)
    return [
        study_release(number, mean + spread * rng.standard_normal(), sd, **more)  # type: ignore[arg-type]
        for number in range(count)
    ]


def only(releases: list, registered: tuple[Planned, ...] = ()) -> Synthesis:
    (found,) = synthesise(collect_evidence(releases, registered))
    return found


def codes(found: Synthesis) -> set[str]:
    return {code for code, _ in found.cautions}


def test_few_studies_say_that_they_are_few() -> None:
    one, three, many = only(network(1)), only(network(3)), only(network(12))
    assert "one_study" in codes(one)
    assert "few_studies" in codes(three)
    assert not {"one_study", "few_studies"} & codes(many)
    assert one.new_place.sd > three.new_place.sd > many.new_place.sd
    assert one.results[0].without is None


def test_results_stand_in_order_of_id_and_are_drawn_together() -> None:
    found = only(network(8, spread=0.4))
    assert [each.study for each in found.results] == sorted(each.study for each in found.results)
    alone = np.array([each.alone.mean for each in found.results])
    drawn = np.array([each.shrunken.mean for each in found.results])
    assert drawn.std() < alone.std()
    assert sum(each.weight for each in found.results) == pytest.approx(1.0)


def test_chances_follow_the_good_direction_and_the_limits() -> None:
    found = only(network(12))
    chances = found.mean_chances
    assert chances.better is not None
    assert chances.better > 0.99
    assert chances.worthwhile is not None
    assert chances.harm is not None
    assert chances.negligible is not None
    assert chances.harm < 0.01
    assert 0.9 < chances.worthwhile < chances.better
    assert found.new_place_chances.better is not None
    assert found.new_place_chances.better < chances.better
    worse = only(network(12, mean=0.3)).mean_chances
    assert worse.better is not None
    assert worse.better < 0.01
    assert worse.harm is not None
    assert worse.harm > 0.9


def test_grades_are_compared_where_both_have_two_studies() -> None:
    releases = network(4, mean=-0.5, spread=0.02, grade="before_after")
    releases += [study_release(100 + number, -0.1, 0.12, grade="randomised") for number in range(4)]
    (difference,) = only(releases).grades
    assert (difference.grade, difference.against) == ("before_after", "randomised")
    assert difference.difference.mean == pytest.approx(-0.4, abs=0.12)
    assert difference.p_better is not None
    assert difference.p_better > 0.9
    assert only(releases[:5]).grades == ()


def test_a_covariate_needs_ten_studies() -> None:
    rng = np.random.default_rng(3)
    shares = rng.uniform(0.2, 1.0, 12)
    releases = [
        study_release(
            number, -0.6 * (share - 0.6) + 0.02 * rng.standard_normal(), 0.08, delivered=float(share)
        )
        for number, share in enumerate(shares)
    ]
    found = {each.covariate: each for each in only(releases).regressions}
    assert found["delivered"].coefficient.upper < 0
    assert found["delivered"].p_more is not None
    assert found["delivered"].p_more > 0.95
    few = only(releases[:9])
    assert few.regressions == ()
    assert ("delivered", 9, 10) in {(each.covariate, each.studies, each.needed) for each in few.not_regressed}


def test_missing_studies_bound_the_answer() -> None:
    plans = tuple(Planned(study=f"missing-{number}") for number in range(6))
    found = only(network(4, mean=-0.25, spread=0.05, sd=0.25), plans)
    assert "missing_studies" in codes(found)
    assert len(found.missing.missing) == 6
    assert found.missing.if_null is not None
    assert found.mean.mean < found.missing.if_null.mean < 0
    assert found.missing.p_better_if_null is not None
    assert found.missing.p_better_if_null < 0.9
    assert found.missing.nulls_to_tip == 6
    assert only(network(4, mean=0.0, spread=0.3)).missing.nulls_to_tip is None, "there is nothing to tip"


def test_shared_sites_are_told_with_the_answer_without_them() -> None:
    sites = ("a", "b", "c", "d")
    releases = [study_release(1, -0.3, 0.1, sites=sites), study_release(2, -0.6, 0.1, sites=sites),
                study_release(3, -0.3, 0.1)]  # fmt: skip
    found = only(releases)
    assert "overlap" in codes(found)
    assert found.without_overlap is not None
    assert found.without_overlap.mean == pytest.approx(only([releases[0], releases[2]]).mean.mean)


def test_a_study_that_decides_is_named() -> None:
    releases = [*network(5, mean=0.0, spread=0.02, sd=0.3), study_release(50, -0.3, 0.05)]
    (values,) = [values for code, values in only(releases).cautions if code == "one_study_decides"]
    assert values["study"] == "study-00050"


def test_the_pooled_curve_follows_growth() -> None:
    true = np.linspace(-0.05, -0.6, 12)
    rho = 0.9 ** np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    rng = np.random.default_rng(9)
    releases = []
    for number in range(10):
        noise = 0.15 * np.linalg.cholesky(rho) @ rng.standard_normal(12) + 0.1 * rng.standard_normal()
        curve = np.column_stack([true + noise, np.full(12, 0.15)])
        releases.append(study_release(number, float(curve[:, 0].mean()), 0.13, curve=curve, correlation=rho))
    points = only(releases).curve
    assert [(point.from_months, point.to_months) for point in points] == [(0, 3), (3, 6), (6, 9), (9, 12)]
    quarters = true.reshape(4, 3).mean(axis=1)
    for point, truth in zip(points, quarters, strict=True):
        assert point.studies == 10
        assert point.mean.lower < truth < point.mean.upper
        assert point.new_place.sd > point.mean.sd
    assert points[-1].mean.mean < points[0].mean.mean - 0.3


def test_the_prior_does_not_draw_the_pooled_mean_to_none() -> None:
    """Twenty small studies of one true effect: posteriors lean on none, and pooling must not lean twenty times."""
    rng = np.random.default_rng(12)
    error, true = 0.4, -0.4
    seen = true + error * rng.standard_normal(400)
    sd = (1 / error**2 + 1 / 0.5**2) ** -0.5
    releases = [
        study_release(number, float(value * sd**2 / error**2), sd) for number, value in enumerate(seen)
    ]
    found = only(releases)
    assert abs(found.mean.mean - seen.mean()) < 0.1 * found.mean.sd
    naive = only([
        study_release(number, float(value * sd**2 / error**2), sd, prior_sd=None)
        for number, value in enumerate(seen)
    ])  # fmt: skip
    assert naive.mean.mean - seen.mean() > 3 * naive.mean.sd
