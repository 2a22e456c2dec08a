"""Stage 5: repository check, restore drill, and the ledger of proofs."""
