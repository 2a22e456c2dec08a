"""How the product behaves when there is much of everything: volumes, snapshots, proofs.

``site`` writes a configuration with many volumes, ``history`` fills it with what years of running
leave behind, ``repository`` puts snapshots into a real restic repository by the thousand, and
``measure`` times what an operator waits for. ``python -m benchmarks.scale`` does all of it.
"""
