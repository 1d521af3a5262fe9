"""`dau_conv2d` equals `tf.nn.conv2d` with the materialised kernel, its gradients the formulas."""

from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf

import dau_tf
from tests.dau_tf import oracle

# Largest error over largest value. The sums have at most some hundred terms, so that float32 (6e-8
# a rounding) stays below 1e-5 and float64 (1e-16) below 1e-12 even where terms cancel.
RELATIVE_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


@dataclass(frozen=True)
class Case:
    """A row of the table. `displacement` is a value for all units, or a range (low, high)."""

    name: str
    image: tuple[int, int] = (9, 8)
    batch: int = 2
    units: int = 2
    channels: int = 3
    filters: int = 4
    displacement: float | tuple[float, float] = (-3.0, 3.0)
    sigma: float = 0.5
    strides: tuple[int, int] = (1, 1)
    padding: str = "same"
    max_displacement: float | None = None

    def problem(self, dtype: str) -> oracle.Problem:
        rng = np.random.default_rng(7)
        units = (self.units, self.channels, self.filters)
        if isinstance(self.displacement, tuple):
            mu = rng.uniform(*self.displacement, (2, *units))
        else:
            mu = np.full((2, *units), self.displacement)
        return oracle.Problem(
            x=rng.normal(size=(self.batch, *self.image, self.channels)).astype(dtype),
            w=rng.normal(size=units).astype(dtype),
            mu=mu.astype(dtype),
            sigma=self.sigma,
            strides=self.strides,
            padding=self.padding,
            max_displacement=self.max_displacement,
        )


CASES = [
    Case("plain"),
    Case("one_pixel", image=(1, 1)),
    Case("one_row", image=(1, 17)),
    Case("one_column", image=(17, 1)),
    Case("one_of_each", batch=1, units=1, channels=1, filters=1),
    Case("odd_channels", units=3, channels=7, filters=5),
    Case("many_units", units=9, channels=2, filters=3),
    Case("wide_of_a_vector", image=(3, 19), channels=2, filters=33),
    Case("displaced_by_zero", displacement=0.0),
    Case("displaced_by_integer", displacement=2.0),
    Case("displaced_by_negative_integer", displacement=-3.0),
    Case("displaced_by_half", displacement=0.5),
    Case("displaced_by_tiny_negative", displacement=-1e-9),
    Case("displaced_by_tiny_positive", displacement=1e-9),
    Case("displaced_beyond_the_image", displacement=(-40.0, 40.0)),
    Case("displaced_to_the_border", image=(6, 6), displacement=(4.0, 8.0)),
    Case("displaced_very_far", displacement=1e6),
    Case("sigma_of_one_tap", sigma=0.3),
    Case("sigma_third", sigma=1 / 3),
    Case("sigma_of_the_deblurring_net", sigma=0.35),
    Case("sigma_wide", sigma=1.4),
    Case("sigma_wider_than_the_image", image=(3, 2), sigma=2.0),
    Case("stride_2", strides=(2, 2)),
    Case("stride_3", strides=(3, 3)),
    Case("stride_rectangular", strides=(1, 3)),
    Case("stride_rectangular_tall", strides=(2, 1)),
    Case("stride_beyond_the_image", image=(4, 3), strides=(5, 7)),
    Case("stride_on_integers", strides=(2, 3), displacement=-1.0),
    Case("stride_odd", image=(11, 13), strides=(2, 2), units=3, channels=5, filters=7),
    Case("valid", image=(14, 15), padding="valid", max_displacement=3.0),
    Case("valid_one_output", image=(11, 11), padding="valid", max_displacement=3.0),
    Case("valid_fraction", image=(16, 15), padding="valid", max_displacement=3.2, sigma=0.3),
    Case("valid_sigma_third", image=(13, 13), padding="valid", max_displacement=3.0, sigma=1 / 3),
    Case("valid_stride", image=(19, 16), padding="valid", max_displacement=3.0, strides=(2, 3)),
    Case("valid_no_displacement", padding="valid", max_displacement=0.0, displacement=0.0),
    Case("valid_displaced_further", image=(9, 9), padding="valid", max_displacement=1.0),
    Case("empty_batch", batch=0),
    Case("empty_batch_valid", image=(14, 15), batch=0, padding="valid", max_displacement=3.0),
]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_data_format = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])


def assert_close(actual: tf.Tensor, expected: np.ndarray, dtype: str) -> None:
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    if not expected.size:
        return
    largest = np.abs(expected).max()
    error = np.abs(actual.numpy() - expected).max()
    assert error <= RELATIVE_TOLERANCE[dtype] * (largest if largest > 0 else 1.0)


def from_nhwc(array: np.ndarray, data_format: str) -> tf.Tensor:
    return tf.constant(array if data_format == "channels_last" else array.transpose(0, 3, 1, 2))


def to_nhwc(tensor: tf.Tensor, data_format: str) -> tf.Tensor:
    return tensor if data_format == "channels_last" else tf.transpose(tensor, [0, 2, 3, 1])


def run(problem: oracle.Problem, arguments: list[tf.Tensor], **options: str) -> tf.Tensor:
    return dau_tf.dau_conv2d(
        *arguments,
        sigma=problem.sigma,
        strides=problem.strides,
        padding=problem.padding,
        max_displacement=problem.max_displacement,
        **options,
    )


@each_case
@each_dtype
@each_data_format
def test_equals_conv2d_with_the_materialised_kernel(case, dtype, data_format):
    problem = case.problem(dtype)
    x = from_nhwc(problem.x, data_format)
    y = run(problem, [x, problem.w, problem.mu], data_format=data_format)
    assert_close(to_nhwc(y, data_format), oracle.forward(problem), dtype)


@each_case
@each_dtype
@pytest.mark.parametrize("kind", ["gaussian", "exact"])
def test_gradients_equal_their_formulas(case, dtype, kind):
    data_format = "channels_first" if len(case.name) % 2 else "channels_last"
    problem = case.problem(dtype)
    arguments = [from_nhwc(problem.x, data_format), *map(tf.constant, (problem.w, problem.mu))]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        y = run(problem, arguments, data_format=data_format, displacement_gradient=kind)
    dy = np.random.default_rng(8).normal(size=to_nhwc(y, data_format).shape).astype(dtype)
    dx, dw, dmu = tape.gradient(y, arguments, from_nhwc(dy, data_format))

    expected = oracle.backward(problem, dy, kind)
    assert_close(to_nhwc(dx, data_format), expected["x"], dtype)
    assert_close(dw, expected["w"], dtype)
    assert_close(dmu, expected["mu"], dtype)


@each_data_format
def test_unknown_shapes_in_a_graph(data_format):
    problem = Case("graph").problem("float32")
    signature = [tf.TensorSpec([None] * rank, tf.float32) for rank in (4, 3, 4)]
    unranked = [tf.TensorSpec(None, tf.float32)] * 3
    arguments = [from_nhwc(problem.x, data_format), *map(tf.constant, (problem.w, problem.mu))]
    eager = run(problem, arguments, data_format=data_format)
    for input_signature in (signature, unranked):
        graph = tf.function(
            lambda *args: run(problem, args, data_format=data_format),
            input_signature=input_signature,
        )
        np.testing.assert_array_equal(graph(*arguments), eager)


def test_gradients_in_a_graph_equal_eager_ones():
    problem = Case("graph").problem("float64")
    arguments = [tf.constant(a) for a in (problem.x, problem.w, problem.mu)]

    def gradients(*args):
        with tf.GradientTape() as tape:
            tape.watch(args)
            loss = tf.reduce_sum(run(problem, args) ** 2)
        return tape.gradient(loss, args)

    signature = [tf.TensorSpec([None] * rank, tf.float64) for rank in (4, 3, 4)]
    in_graph = tf.function(gradients, input_signature=signature)(*arguments)
    for graph, eager in zip(in_graph, gradients(*arguments), strict=True):
        np.testing.assert_array_equal(graph, eager)


def test_static_shape_in_a_graph():
    @tf.function(input_signature=[tf.TensorSpec([None, 20, None, 3], tf.float32)])
    def shape_of(x):
        y = dau_tf.dau_conv2d(x, tf.ones([2, 3, 5]), tf.zeros([2, 2, 3, 5]), strides=(3, 2))
        shapes.append(y.shape.as_list())
        return y

    shapes: list[list[int | None]] = []
    shape_of(tf.zeros([2, 20, 9, 3]))
    assert shapes == [[None, 7, None, 5]]


def test_only_the_gradients_asked_for():
    problem = Case("parts").problem("float64")
    x, w, mu = (tf.constant(a) for a in (problem.x, problem.w, problem.mu))
    dy = np.ones(oracle.forward(problem).shape)
    expected = oracle.backward(problem, dy, "gaussian")
    for name, value in {"x": x, "w": w, "mu": mu}.items():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(value)
            y = run(problem, [x, w, mu])
        assert_close(tape.gradient(y, value), expected[name], "float64")


def test_no_gradient_to_sigma():
    sigma = tf.Variable(0.5)
    with tf.GradientTape() as tape:
        y = dau_tf.dau_conv2d(
            tf.ones([1, 4, 4, 1]), tf.ones([1, 1, 1]), tf.zeros([2, 1, 1, 1]), sigma
        )
    assert tape.gradient(y, sigma) is None


@pytest.mark.parametrize(
    "convert",
    [
        lambda x, w, mu: (x, w, mu),
        lambda x, w, mu: (tf.constant(x, tf.float32), w, mu),
        lambda x, w, mu: (x, tf.Variable(w, dtype=tf.float32), mu),
        lambda x, w, mu: (x.tolist(), w.tolist(), mu.tolist()),
        lambda x, w, mu: (x.astype("float32"), w, mu),
    ],
    ids=["arrays", "tensor_and_arrays", "variable_and_arrays", "lists", "arrays_of_two_dtypes"],
)
def test_arrays_and_lists_convert_to_one_dtype(convert):
    problem = Case("dtypes").problem("float64")
    arguments = convert(problem.x, problem.w, problem.mu)
    y = run(problem, list(arguments))
    all_double = all(getattr(a, "dtype", None) == np.float64 for a in arguments)
    assert_close(y, oracle.forward(problem), "float64" if all_double else "float32")


@pytest.mark.parametrize(
    "sigma", [np.float32(0.5), np.float64(0.5), np.array(0.5), tf.constant(0.5)], ids=type
)
def test_sigma_is_cast(sigma):
    problem = Case("sigma").problem("float64")
    y = dau_tf.dau_conv2d(problem.x, problem.w, problem.mu, sigma)
    assert_close(y, oracle.forward(problem), "float64")


def test_int_and_pair_strides_agree():
    problem = Case("strides").problem("float32")
    arguments = (problem.x, problem.w, problem.mu)
    np.testing.assert_array_equal(
        dau_tf.dau_conv2d(*arguments, strides=2), dau_tf.dau_conv2d(*arguments, strides=[2, 2])
    )


@pytest.mark.parametrize("strides", [1, 2])
def test_a_perimeter_far_beyond_the_image(strides):
    """The blur is the same everywhere then, and takes hours for who computes all of the plane."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.random((2, 12, 10, 3)), tf.float64)
    weight = tf.Variable(rng.random((2, 3, 4)))
    mu = tf.constant(rng.uniform(-3, 3, (2, 2, 3, 4)))
    taps = np.exp(-0.5 * (np.arange(-300_000, 300_001) / 1e5) ** 2)
    tap = taps.max() / taps.sum()
    with tf.GradientTape() as tape:
        y = dau_tf.dau_conv2d(x, weight, mu, sigma=1e5, strides=strides)
        total = tf.reduce_sum(y)
    mass = x.numpy().sum(axis=(1, 2)) * tap**2  # of each image and channel
    expected = np.einsum("ns,ksf->nf", mass, weight.numpy())
    np.testing.assert_allclose(y, np.broadcast_to(expected[:, None, None], y.shape), rtol=1e-7)
    of_weight = mass.sum(0)[None, :, None] * y.shape[1] * y.shape[2]
    np.testing.assert_allclose(
        tape.gradient(total, weight), np.broadcast_to(of_weight, weight.shape), rtol=1e-7
    )


def test_a_border_that_cannot_be_addressed_is_an_error():
    """Displaced sums of a strided layer blur last, and hold all that the blur reaches."""
    x, weight = tf.Variable(tf.ones((1, 12, 12, 1))), tf.ones((1, 1, 1))
    with tf.GradientTape() as tape:
        y = dau_tf.dau_conv2d(x, weight, tf.zeros((2, 1, 1, 1)), sigma=1e5, strides=2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"border.*sigma=100000"):
        tape.gradient(y, x)
