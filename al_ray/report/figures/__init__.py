"""Figures, one module for each kind: from tidy frames to Vega-Lite."""
