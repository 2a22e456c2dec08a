"""How a person hears of the state of the backups, while nobody looks.

``facts`` reads one moment into frozen values, ``metrics`` turns those into metric families,
``textfile`` and ``serve`` bring the families to Prometheus. ``rules`` says what must ring, from
the schedules; ``render`` writes that for Prometheus and Grafana. ``ping`` and ``messages`` tell
people, ``told`` remembers what was told, ``signal_path`` asks whether it arrives. Keep out:
judging a volume, which is the status' business.
"""
