"""A batch that was refused as a whole: how to cut it down, and what to say of the record that is left. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from importer import attribution
from importer.batches import Encode, Work, halves, make_batch, subset
from importer.hubspot import steps
from importer.model import Batch, Problem
from importer.properties import BRANDS

_OF_BRANDS: Final = re.compile(r"\b(?:business[ _]?units?|brands?)\b", re.IGNORECASE)


def cut_down(work: Work, verdict: steps.Verdict, encode: Encode) -> Sequence[Work]:
    """Return the pieces of a refused batch: the rows which the error names alone and the rest, else halves."""
    work = Work(batch=work.batch, attempt=work.attempt + 1)
    properties = [record.properties for record in work.batch.records]
    named = sorted(set(attribution.named_by(verdict.errors, properties)))
    if not named or len(named) == len(properties) or isinstance(verdict.step, steps.SplitBySize):
        return halves(work, encode)
    rest = [index for index in range(len(properties)) if index not in named]
    alone = [make_batch([work.batch.records[index]], encode) for index in named]
    pieces = [subset(work.batch, rest, encode), *alone]
    return [Work(batch=piece, attempt=work.attempt) for piece in pieces]


def problem_of(batch: Batch, verdict: steps.Verdict) -> Problem:
    """Return what is wrong with the record of a batch of one that was refused."""
    if isinstance(verdict.step, steps.SplitBySize):
        return Problem("too_large", verdict.message)
    properties = batch.records[0].properties
    problem = attribution.refused_alone(verdict.errors, properties, verdict.message)
    if BRANDS in properties and (problem.column == BRANDS or _OF_BRANDS.search(problem.message)):
        return problem._replace(code="brand_refused", column=BRANDS, fix=None)
    return problem
