"""What must survive: one frozen value per volume, read from one file and checked once."""
