"""The backup stack as an operator starts it, beside the sample platform."""
