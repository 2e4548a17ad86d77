"""impl: Bayesian evaluation of local adaptations of change bundles, from a parameter file to a report.

The public names and nothing else. Each is loaded when first asked for (PEP 562), so that
`import impl`, `impl --help` and `impl check` stay light and rendering never loads a sampler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impl.data.quality import check_quality
    from impl.data.read import read_panel
    from impl.data.units import read_study
    from impl.disclosure.make import make_release
    from impl.disclosure.quality import make_quality_release
    from impl.logs.adaptation import adaptation_scores, cohen_kappa
    from impl.model.build import build_model
    from impl.model.checks import check_fit
    from impl.model.criticism.criticise import criticise
    from impl.model.criticism.robustness import check_robustness
    from impl.model.estimate import estimate
    from impl.model.evaluate import evaluate_paired
    from impl.model.fit import sample
    from impl.model.local.implementation import evaluate_implementation
    from impl.network.gather import read_network
    from impl.release.files import read_release, write_release
    from impl.report.network.show import finish_network, show_network
    from impl.report.prediction import predict_site
    from impl.report.show import finish_report, show_report
    from impl.study.load import find_root
    from impl.study.site_plan import read_site_plan

_HOME = {
    "adaptation_scores": "impl.logs.adaptation",
    "build_model": "impl.model.build",
    "check_fit": "impl.model.checks",
    "check_quality": "impl.data.quality",
    "check_robustness": "impl.model.criticism.robustness",
    "cohen_kappa": "impl.logs.adaptation",
    "criticise": "impl.model.criticism.criticise",
    "estimate": "impl.model.estimate",
    "evaluate_implementation": "impl.model.local.implementation",
    "evaluate_paired": "impl.model.evaluate",
    "find_root": "impl.study.load",
    "finish_network": "impl.report.network.show",
    "finish_report": "impl.report.show",
    "make_quality_release": "impl.disclosure.quality",
    "make_release": "impl.disclosure.make",
    "predict_site": "impl.report.prediction",
    "read_network": "impl.network.gather",
    "read_panel": "impl.data.read",
    "read_release": "impl.release.files",
    "read_site_plan": "impl.study.site_plan",
    "read_study": "impl.data.units",
    "sample": "impl.model.fit",
    "show_network": "impl.report.network.show",
    "show_report": "impl.report.show",
    "write_release": "impl.release.files",
}

__all__ = [
    "adaptation_scores",
    "build_model",
    "check_fit",
    "check_quality",
    "check_robustness",
    "cohen_kappa",
    "criticise",
    "estimate",
    "evaluate_implementation",
    "evaluate_paired",
    "find_root",
    "finish_network",
    "finish_report",
    "make_quality_release",
    "make_release",
    "predict_site",
    "read_network",
    "read_panel",
    "read_release",
    "read_site_plan",
    "read_study",
    "sample",
    "show_network",
    "show_report",
    "write_release",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'impl' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
