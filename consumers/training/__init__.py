"""From labels to a better model: dataset, fit, calibration, gate."""
