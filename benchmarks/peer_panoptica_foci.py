"""Panoptica's counts of foci, by a Python that has it: started by `benchmarks.bench_foci`, never imported.

It reads the masks once, then on every line of its input evaluates all pairs and answers with the seconds
that took and the counts. Loading is not timed.
"""

import json
import os
import sys
import time

import numpy as np

os.environ["PANOPTICA_CITATION_REMINDER"] = "False"


def main() -> None:
    from importlib.metadata import version

    from panoptica import (
        ConnectedComponentsInstanceApproximator,
        InputType,
        Metric,
        NaiveThresholdMatching,
        Panoptica_Evaluator,
    )

    # What else it prints is not the answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    evaluator = Panoptica_Evaluator(
        expected_input=InputType.SEMANTIC,
        instance_approximator=ConnectedComponentsInstanceApproximator(),
        instance_matcher=NaiveThresholdMatching(Metric.IOU, 0.0, strict_threshold=True),
        instance_metrics=[Metric.IOU],
        global_metrics=[],
    )
    with np.load(sys.argv[1]) as held:
        masks = {name: held[name] for name in held.files}
    pairs, levels = json.loads(sys.argv[2])
    print(version("panoptica"), file=answers, flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        found = []
        for reference, rater in pairs:
            for level in levels:
                regions = [(masks[name] >= level).astype(np.uint8) for name in (rater, reference)]
                result = next(iter(evaluator.evaluate(*regions, verbose=False).values()))
                found.append([int(n) for n in (result.n_ref_instances, result.tp, result.fp, result.fn)])
        seconds = time.perf_counter() - begin
        print(json.dumps([seconds, found]), file=answers, flush=True)


if __name__ == "__main__":
    main()
