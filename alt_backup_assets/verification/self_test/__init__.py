"""The verifier's own drill: faults planted in scratch copies, and red required for each.

``run`` goes through the faults, ``choose`` finds the sound dumps they are planted in, ``bench``
is the scratch site they are drilled on, ``repository`` has the faults that are not an engine's,
``result`` is what was found and where it is kept. Nothing here writes to the repositories, the
dumps, the services or the ledger of the site: the drill runs on a site of its own, with its own
repository, whose only common part with the real one is how throw-away targets are made.

Source: SPEC section 5; LESSONS, "What none of the others does", 7.
"""
