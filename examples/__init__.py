"""Studies with displaced aggregation units: models, data sets, and the programs that join them."""
