"""Claims of every form, as one thing: a linear map."""
