"""Every public docstring has an example, and every example runs."""

import doctest
import importlib
import pkgutil

import pytest

import dau_tf

LIBRARIES = ("dau_tf._dau_ops", "dau_tf._dau_xla")  # no Python extensions
MODULES = [m.name for m in pkgutil.walk_packages(dau_tf.__path__, "dau_tf.")]
MODULES = [name for name in MODULES if name not in LIBRARIES]
EVERYWHERE = [dau_tf, dau_tf.constraints, dau_tf.initializers, dau_tf.optimizers]
EVERYWHERE += [dau_tf.analysis, dau_tf.export, dau_tf.pruning, dau_tf.regularizers]
NAMED = [getattr(module, name) for module in EVERYWHERE for name in module.__all__]
PUBLIC = [thing for thing in NAMED if callable(thing)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_public_names_have_an_example(thing):
    assert "Example:" in thing.__doc__
    assert ">>>" in thing.__doc__
