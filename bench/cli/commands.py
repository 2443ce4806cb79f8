"""What commands that are no files of their own yet are given."""

import argparse

from noisyseg.bench.cli.suite_runs import known_records as known_records
from noisyseg.bench.config.suite import Choices, Suite, choose, load_suite
from noisyseg.bench.datasets.cache import cache_folder
from noisyseg.methods.registry import methods_of_files
from noisyseg.results.records.noise_name import noise_name as noise_name


def choices(arguments: argparse.Namespace, *, download: bool = True) -> Choices:
    """What the command line decides of a suite."""
    return Choices(
        variant=arguments.variant,
        masks=arguments.masks,
        allow_partial=arguments.allow_partial,
        download=download,
        own_methods=methods_of_files(arguments.method_files),
    )


def chosen_suite(arguments: argparse.Namespace, chosen: Choices) -> Suite:
    """The part of the suite that the command line names.

    Raises:
        InputError: whatever is wrong with the suite or with the choice.
    """
    return choose(
        load_suite(
            arguments.suite, data_root=arguments.data_root, cache=cache_folder(), choices=chosen
        ),
        methods=arguments.methods,
        noise=arguments.noise,
        seeds=arguments.seeds,
        noise_seeds=arguments.noise_seeds,
        train_seeds=arguments.train_seeds,
    )
