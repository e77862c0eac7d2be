"""What keeps automation honest: uncertainty, calibration, certificates, agreement."""
