"""Outside programs and formats, a module named for each; ``process`` starts them."""
