"""What pyproject.toml cannot say: the wheel's tag, and the TensorFlow that it requires."""

import os

# In tools/packaging/, pyproject.toml's backend-path.
from dau_build import tensorflow_requirement
from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.egg_info import egg_info


class PlatformDistribution(Distribution):
    """Installs into platlib, though nothing here is a Python extension."""

    def has_ext_modules(self):
        return True


class PlatformWheel(bdist_wheel):
    """Tagged py3-none-<platform>.

    The libraries call TensorFlow's C++ and no function of Python's: one wheel serves every Python
    that this minor version of TensorFlow has wheels for. They are compiled for one platform.
    """

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class LabelledVersion(egg_info):
    """0.1.0+tf2.21 for DAU_LOCAL_VERSION=tf2.21: wheels for 2.20 and 2.21 may lie in one folder."""

    def finalize_options(self):
        label = os.environ.get("DAU_LOCAL_VERSION")
        self.tag_build = f"+{label}" if label else None
        super().finalize_options()


setup(
    distclass=PlatformDistribution,
    cmdclass={"bdist_wheel": PlatformWheel, "egg_info": LabelledVersion},
    install_requires=["h5py", "keras>=3.12", "numpy>=2", tensorflow_requirement()],
)
