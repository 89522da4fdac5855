"""Files of raster formats as pictures and a recipe, from which they return byte for byte.

A plan says where a file keeps its pixels. The pixels become pictures; how they were laid out and
compressed, and all other bytes, become the recipe.
"""
