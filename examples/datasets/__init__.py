"""Readers for the published on-disk layouts, as `tf.data` pipelines."""
