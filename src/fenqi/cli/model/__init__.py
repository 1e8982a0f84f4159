"""`fenqi model`: for those who make models and vouch for them."""
