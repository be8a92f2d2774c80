"""Hot lists, and the hits that reads raise against them."""
