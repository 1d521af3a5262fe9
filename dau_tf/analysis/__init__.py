"""What a network has learned: where its units look, how far it sees, and what it costs.

Functions return arrays; `dau_tf.analysis.figures` draws them (needs matplotlib, Pillow and jinja2:
`pip install dau-tf[analysis]`), and `python -m dau_tf.analysis MODEL --out DIR` writes a page.
"""

from dau_tf.analysis.callbacks import LiveView, UnitSummaries
from dau_tf.analysis.cost import LayerCost, layer_costs
from dau_tf.analysis.displacements import displacement_density, displacement_map
from dau_tf.analysis.layer_units import LayerUnits, layer_units
from dau_tf.analysis.receptive_field import contour_levels, receptive_field, side_of_share

__all__ = [
    "LayerCost",
    "LayerUnits",
    "LiveView",
    "UnitSummaries",
    "contour_levels",
    "displacement_density",
    "displacement_map",
    "layer_costs",
    "layer_units",
    "receptive_field",
    "side_of_share",
]
