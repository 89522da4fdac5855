"""The command ``evaluate``; needs the engine of the networks, not torch."""

import argparse

from slimgate.models.training.evaluation import curves, document, plan, restorers, sweep
from slimgate.models.training.evaluation.plan import Plan


def evaluate(options: argparse.Namespace) -> str:
    """Measure all images, write the report, and return its path as output.

    Raises:
        TrainingError: images or restorers are missing, or the document has no markers for tables.
    """
    planned = Plan(
        codecs=tuple(dict.fromkeys(options.codec)),
        qualities=tuple(sorted(set(options.qualities))),
        scales=tuple(sorted(set(options.scale))),
        restorers=tuple(options.restorer),
        max_pixels=options.max_pixels,
    )
    tested = restorers.load_all(planned.restorers)
    labels = {scale: [each.label for each in those] for scale, those in tested.items()}
    images = plan.classes(options.images, options.limit)
    measured = sweep.sweep(images, planned, sweep.default_folder(), processes=options.processes)
    means = {name: curves.means(points) for name, points in measured.items()}
    counts = {name: len(points) for name, points in measured.items()}
    written = document.write(options.out, means, planned, labels, counts=counts)
    return f"{written}\n"
