"""Figures of a reader study and of a ranking.

Each function returns a Figure and writes nothing (`save` does). ``note`` is printed below the figure, as
"Synthetic cohort: ...". With ``axes`` a figure is drawn into those, one for each of its panels, instead of
one of its own; sheets, slice profiles and the scores behind a ranking always have one of their own.
"""

from evaluation.figures.bland_altman import bland_altman_panels as bland_altman
from evaluation.figures.failures import dice_against_volume as volumes
from evaluation.figures.failures import slice_profile_panels as slice_profile
from evaluation.figures.files import save_figure as save
from evaluation.figures.foci import foci_by_volume as foci
from evaluation.figures.measures import measure_panels as measures
from evaluation.figures.ranking import blob_plot as ranks
from evaluation.figures.ranking import scheme_comparison as schemes
from evaluation.figures.ranking import significance_map as significance
from evaluation.figures.ranking_scores import exam_heatmap as heatmap
from evaluation.figures.ranking_scores import score_boxplots as boxplots
from evaluation.figures.scores import dice_boxplot as levels
from evaluation.figures.scores import measures_boxplot as raters_by_measure
from evaluation.figures.scores import raters_boxplot as raters
from evaluation.figures.slices import difference_sheet as differences
from evaluation.figures.slices import overlay_sheet as overlays
from evaluation.figures.study import agreement_heatmap as agreement
from evaluation.figures.study import fair_against_usual as fair
from evaluation.figures.study import forest_plot as forest
from evaluation.figures.study import paired_models as paired
from evaluation.figures.tolerance import nsd_over_tolerance as tolerances

__all__ = [
    "agreement", "bland_altman", "boxplots", "differences", "fair", "foci", "forest", "heatmap", "levels",
    "measures", "overlays", "paired", "ranks", "raters", "raters_by_measure", "save", "schemes",
    "significance", "slice_profile", "tolerances", "volumes",
]  # fmt: skip
