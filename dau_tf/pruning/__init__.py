"""Networks with fewer units: what contributes least is removed (Table 2, Figure 5)."""

from dau_tf.pruning.prune_units import prune_units
from dau_tf.pruning.unit_table import UnitRow, unit_table

__all__ = ["UnitRow", "prune_units", "unit_table"]
