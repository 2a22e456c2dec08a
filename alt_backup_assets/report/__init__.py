"""The morning page: one HTML file an operator opens to see whether all is well.

Read it in the order of the data: ``read`` gathers ``facts`` from the repositories and the
ledger, ``grid`` says what each day's cell shows, ``charts`` draws, ``page`` renders, ``write``
puts the file in place. Nothing here decides a verdict; ``status`` does. No Dagster is needed.
"""
