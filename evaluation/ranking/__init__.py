"""Who is ahead of whom, and how sure is that: ranking schemes and their uncertainty.

Definitions are those of challengeR (Wiesenfarth et al. 2021, Sci Rep 11:2369) on complete data: aggregate
then rank, rank then aggregate, test then rank; ties share the best rank. Beyond it: ties by a tolerance,
missing and undefined cases told apart, and a bootstrap in which a case that is drawn twice counts twice in
every scheme and is never ranked against its own copy.
"""

from evaluation.ranking.rank_scores import rank_scores
from evaluation.ranking.rules import OVERALL, Rankings, Rules, Scheme

__all__ = ["OVERALL", "Rankings", "Rules", "Scheme", "rank_scores"]
