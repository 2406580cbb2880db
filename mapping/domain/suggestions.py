"""Suggestions: which ERP item a marketplace variant is. The face of `mapping.domain.matching`.

catalogue = Catalogue(erp_records)          # once; catalogue.update(changed, removed) later
for ranking in catalogue.rank(variants):    # the same path for screen, commands and bench
    ranking.verdict, ranking.candidates[0].confidence, ranking.candidates[0].vetoes

refit(decisions, prior)                     # a Refit: the new model, or the old with a reason
duplicates(erp_records)                     # DuplicateGroups, the surest first
"""

from mapping.domain.matching.catalogue import Catalogue
from mapping.domain.matching.duplicates import duplicate_pairs, duplicates
from mapping.domain.matching.features import VERSION as FEATURE_VERSION
from mapping.domain.matching.learning import Refit, Standing, refit
from mapping.domain.matching.model import Model, UnreadableModel, prior
from mapping.domain.matching.records import (
    Agreement,
    Candidate,
    Choice,
    Decision,
    DuplicateGroup,
    DuplicatePair,
    Evidence,
    Facts,
    Ranking,
    Record,
    Synonyms,
    Verdict,
)

__all__ = [
    "FEATURE_VERSION",
    "Agreement",
    "Candidate",
    "Catalogue",
    "Choice",
    "Decision",
    "DuplicateGroup",
    "DuplicatePair",
    "Evidence",
    "Facts",
    "Model",
    "Ranking",
    "Record",
    "Refit",
    "Standing",
    "Synonyms",
    "UnreadableModel",
    "Verdict",
    "duplicate_pairs",
    "duplicates",
    "prior",
    "refit",
]
