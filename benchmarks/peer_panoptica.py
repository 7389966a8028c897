"""Panoptica's surface measures, run by a Python of its own: label maps, then pairs of them, as JSON lines."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from panoptica import InputType, Metric, Panoptica_Evaluator


def main(file: str, spacing: str) -> None:
    """Each line of pairs is answered by the seconds that they took, and NSD, HD95 and ASSD of each."""
    maps = dict(np.load(file))
    evaluator = Panoptica_Evaluator(
        expected_input=InputType.MATCHED_INSTANCE,
        instance_metrics=[Metric.NSD, Metric.HD95, Metric.ASSD],
        global_metrics=[],
    )
    for line in sys.stdin:
        begin = time.perf_counter()
        found = []
        for level, reference, rater in json.loads(line):
            # A mask as one instance: the three measures then share their transforms.
            masks = [(maps[name] == level).astype(np.uint8) for name in (rater, reference)]
            result = evaluator.evaluate(*masks, result_all=False, voxelspacing=tuple(json.loads(spacing)))
            scores = next(iter(result.values()))
            found.append((scores.sq_nsd, scores.sq_hd95, scores.sq_assd))
        print(json.dumps({"seconds": time.perf_counter() - begin, "found": found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
